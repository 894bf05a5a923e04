import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { RunPage } from "../../api/queries/runs";
import type { LiveState } from "../../api/live";
import type { Command } from "../../app/commands";
import { Time } from "../../widgets/Time";
import { SIZES } from "./address";

interface Props {
  list: UseQueryResult<RunPage>;
  live: LiveState;
  page: number;
  pages: number;
  size: number;
  commands: readonly Command[];
  onSize: (size: number) => void;
}

const WORDS: Record<LiveState, string> = { live: "Live", connecting: "Connecting", polling: "Asked every 3 s" };
/** A count that changes all the time is read out no more often than this. */
const QUIET = 15_000;

/** How many there are, pages, how fresh it is. */
export function Foot({ list, live, page, pages, size, commands, onSize }: Props) {
  const count = list.data === undefined ? "" : `${list.data.total.toLocaleString("en")}${list.data.exact ? "" : "+"}`;
  const said = list.data === undefined ? "" : `${count} ${list.data.total === 1 ? "run" : "runs"}`;
  const command = (id: string) => commands.find((each) => each.id === id);
  return (
    <div className="row runs-foot">
      <Announced text={said} />
      <span className="grow" />
      <span className="soft" title="How this page hears of changes">
        {WORDS[live]}, as of <Time at={list.dataUpdatedAt} />
      </span>
      <label className="row">
        Rows
        <select value={size} onChange={(event) => onSize(Number(event.target.value))}>
          {SIZES.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <Turn command={command("runs.page.previous")} sign="‹" />
      <span>
        Page {(page + 1).toLocaleString("en")} of {pages.toLocaleString("en")}
      </span>
      <Turn command={command("runs.page.next")} sign="›" />
    </div>
  );
}

function Turn({ command, sign }: { command: Command | undefined; sign: string }) {
  if (!command) return null;
  return (
    <button
      type="button"
      className="button"
      aria-label={command.title}
      title={`${command.title} (${command.keys})`}
      disabled={command.disabled !== undefined}
      onClick={command.run}
    >
      {sign}
    </button>
  );
}

function Announced({ text }: { text: string }) {
  const [said, setSaid] = useState(text);
  const at = useRef(0);
  useEffect(() => {
    if (said === text) return;
    const timer = window.setTimeout(
      () => {
        at.current = Date.now();
        setSaid(text);
      },
      Math.max(500, at.current + QUIET - Date.now()),
    );
    return () => window.clearTimeout(timer);
  }, [said, text]);
  return (
    <span className="unseen" role="status">
      {said}
    </span>
  );
}
