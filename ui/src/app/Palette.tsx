import { Command } from "cmdk";
import { useState, type ReactNode } from "react";
import { useNavigate } from "react-router";
import { useWorkflowNames } from "../api/queries/runs";
import { links } from "../model/links";
import { matching, runIdIn } from "../model/palette";
import { format, parse } from "../model/query";
import { useAllCommands } from "./commands";
import { recentRuns, useRecentRuns } from "./recent";
import "./palette.css";

const NAMES: readonly string[] = [];

/** Finds and runs every command of the page, and goes to runs and definitions. */
export function Palette({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const [text, setText] = useState("");
  useRecentRuns();
  const close = () => {
    onOpenChange(false);
    setText("");
  };
  return (
    <Command.Dialog open={open} onOpenChange={(next) => (next ? onOpenChange(true) : close())} label="Commands" className="palette">
      <Command.Input value={text} onValueChange={setText} placeholder="A command, the id of a run, a definition, or words to find runs by" />
      <Command.List>
        {open && <Run text={text} close={close} />}
        {open && <Commands close={close} />}
        {open && <Places text={text} close={close} />}
      </Command.List>
    </Command.Dialog>
  );
}

function Commands({ close }: { close: () => void }) {
  const commands = useAllCommands().filter((command) => command.id !== "app.palette");
  const groups = [...new Set(commands.map((command) => command.group))];
  return groups.map((group) => (
    <Command.Group key={group} heading={group}>
      {commands
        .filter((command) => command.group === group)
        .map((command) => (
          <Command.Item
            key={command.id}
            value={`${command.title} ${command.id}`}
            disabled={command.disabled !== undefined}
            onSelect={() => {
              close();
              command.run();
            }}
          >
            <span className="grow">{command.title}</span>
            {command.disabled && <span className="soft">{command.disabled}</span>}
            {command.keys && <kbd>{command.keys.replace("mod", "Ctrl")}</kbd>}
          </Command.Item>
        ))}
    </Command.Group>
  ));
}

/** An id was typed or pasted. */
function Run({ text, close }: { text: string; close: () => void }) {
  const id = runIdIn(text);
  if (id === undefined) return null;
  return (
    <Command.Group heading="Runs" forceMount>
      <Place value={`run ${id}`} to={links.run(id)} close={close}>
        Go to run <code>{id}</code>
      </Place>
    </Command.Group>
  );
}

/** Definitions by their names, runs by words, and what was looked at lately. */
function Places({ text, close }: { text: string; close: () => void }) {
  const names = useWorkflowNames().data ?? NAMES;
  const typed = text.trim();
  const found = matching(typed, names);
  const filter = parse(typed);
  const problem = filter.problems[0]?.message;
  if (typed === "") return <Lately close={close} />;
  return (
    <>
      {found.length > 0 && (
        <Command.Group heading="Definitions" forceMount>
          {found.map((name) => (
            <Place key={name} value={`definition ${name}`} to={links.definition(name)} close={close}>
              Go to definition <code>{name}</code>
            </Place>
          ))}
          {found.slice(0, 3).map((name) => (
            <Place key={name} value={`runs of ${name}`} to={links.runs({ workflow: name, last: "all" })} close={close}>
              Show the runs of <code>{name}</code>
            </Place>
          ))}
        </Command.Group>
      )}
      {runIdIn(typed) === undefined &&
        (problem === undefined ? (
          <Command.Group heading="Find" forceMount>
            <Place value={`find ${typed}`} to={links.runs({ q: format(filter.filter), last: "all" })} close={close}>
              Find runs by <code>{typed}</code>
            </Place>
          </Command.Group>
        ) : (
          <Command.Empty>Nothing is called so, and as a filter of runs {problem}.</Command.Empty>
        ))}
    </>
  );
}

function Lately({ close }: { close: () => void }) {
  const [recent] = useState(recentRuns);
  if (recent.length === 0) return null;
  return (
    <Command.Group heading="Looked at lately">
      {recent.map((run) => (
        <Place key={run.id} value={`lately ${run.id}`} to={links.run(run.id)} close={close} kept>
          {run.name} <code>{run.id}</code>
        </Place>
      ))}
    </Command.Group>
  );
}

interface PlaceProps {
  value: string;
  to: string;
  close: () => void;
  /** Goes with what is typed, as commands do; else it is there because of what is typed. */
  kept?: boolean;
  children: ReactNode;
}

function Place({ value, to, close, kept = false, children }: PlaceProps) {
  const navigate = useNavigate();
  return (
    <Command.Item
      value={value}
      forceMount={!kept}
      onSelect={() => {
        close();
        void navigate(to);
      }}
    >
      <span className="grow cut">{children}</span>
    </Command.Item>
  );
}
