import { Link } from "react-router";
import { useExplain, type Wait } from "../../api/queries/run";
import { relative } from "../../model/duration";
import { links } from "../../model/links";
import type { Overview } from "../../model/run";
import { runStatus } from "../../model/status";
import { words } from "../../widgets/ErrorState";
import { Time, useNow } from "../../widgets/Time";
import { useRested } from "../../widgets/useRested";

interface Props {
  overview: Overview;
  onSelect: (reference: string, taskId?: string) => void;
}

/** Why the run waits and what would wake it; of an ended run, why it ended. */
export function WaitsPanel({ overview, onSelect }: Props) {
  const head = overview.workflow;
  const status = runStatus(head.status);
  const rested = useRested(PICTURE_FIRST);
  const explained = useExplain(head.workflowId, overview.tasks.length <= MANY || rested);
  const said = explained.data;
  const summary = said?.summary ?? head.reasonForIncompletion;
  return (
    <section className="run-waits" aria-label={status.ended ? "Why it ended" : "Why it waits"}>
      {summary ? (
        <p className="run-summary">
          <Quoted text={summary} />
        </p>
      ) : (
        <p className="soft">{fallback(explained.isPending, explained.error)}</p>
      )}
      {status.ended ? (
        <Ended overview={overview} summary={said?.summary} onSelect={onSelect} />
      ) : (
        said && said.waits.length > 0 && <Waits waits={said.waits} all={said.openTasks} summary={said.summary} onSelect={onSelect} />
      )}
    </section>
  );
}

/** Tasks above which the picture has a second first: to say why a run waits, the server reads it whole. */
const MANY = 1_000;
const PICTURE_FIRST = 1_000;

function fallback(pending: boolean, error: unknown): string {
  if (pending) return "Asking why …";
  return error ? `Could not ask why it stands so: ${words(error)}` : "";
}

function Ended({ overview, summary, onSelect }: Props & { summary: string | undefined }) {
  const { reasonForIncompletion: reason, failedReferenceTaskNames } = overview.workflow;
  // a task that failed, was repeated and then succeeded is no reason for how it ended
  const failed = runStatus(overview.workflow.status).tone === "good" ? [] : (failedReferenceTaskNames ?? []);
  return (
    <>
      {reason && summary !== undefined && !summary.includes(reason) && <p>{reason}</p>}
      {failed.length > 0 && (
        <p className="row">
          <span className="soft">{failed.length === 1 ? "Failed task:" : "Failed tasks:"}</span>
          {failed.slice(0, 10).map((reference) => (
            <button key={reference} type="button" className="link" onClick={() => onSelect(reference)}>
              {reference}
            </button>
          ))}
          {failed.length > 10 && <span className="soft">and {failed.length - 10} more</span>}
        </p>
      )}
    </>
  );
}

/** So many are unfolded at once, and so many are listed at all. */
const SHOWN = 5;
const MOST = 50;

/** Names come between back quotes. */
function Quoted({ text }: { text: string }) {
  return text.split(/`([^`]*)`/).map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));
}

interface WaitsProps {
  waits: readonly Wait[];
  /** The server lists the first ones only. */
  all: number;
  summary: string;
  onSelect: Props["onSelect"];
}

function Waits({ waits, all, summary, onSelect }: WaitsProps) {
  const count = Math.max(all, waits.length);
  return (
    <details open={waits.length <= SHOWN}>
      <summary>{count === 1 ? "What would wake it" : `What would wake them: the first ${Math.min(MOST, waits.length)} of ${count}`}</summary>
      <ul>
        {waits.slice(0, MOST).map((wait, at) => (
          <li key={`${wait.taskId ?? ""}${wait.kind}${at}`}>
            <One wait={wait} summary={summary} onSelect={onSelect} />
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What is said of a task, without its name: that stands before it. */
const behind = (text: string, reference: string): string => (text.startsWith(`${reference} `) ? text.slice(reference.length + 1) : text);

function One({ wait, summary, onSelect }: { wait: Wait } & Pick<WaitsProps, "summary" | "onSelect">) {
  const now = useNow();
  const { referenceTaskName: reference, taskId } = wait;
  return (
    <>
      {reference && (
        <button type="button" className="link" onClick={() => onSelect(reference, taskId ?? undefined)}>
          {reference}
        </button>
      )}{" "}
      {wait.text !== summary && <Quoted text={reference ? behind(wait.text, reference) : wait.text} />}{" "}
      <span className="soft">
        Woken by: <Quoted text={wait.wakes} />
      </span>{" "}
      <span className="soft">
        Since <Time at={wait.since} />
        {wait.until ? (
          <>
            , until <Time at={wait.until} />
          </>
        ) : null}
        {wait.lastPoll ? `, last polled ${relative(wait.lastPoll.at, now)}${wait.lastPoll.workerId ? ` by ${wait.lastPoll.workerId}` : ""}` : ""}.
      </span>{" "}
      {wait.childWorkflowId && <Link to={links.run(wait.childWorkflowId)}>Open the child run</Link>}{" "}
      {wait.kind === "POLL" && (wait.worker ?? wait.taskType) && <Link to={links.queues(wait.worker ?? wait.taskType ?? "")}>Open the queue</Link>}
    </>
  );
}
