import type { ReactNode } from "react";
import type { Overview, TaskRow } from "../../../model/run";
import { taskStatus } from "../../../model/status";
import { StatusMark } from "../../../widgets/StatusMark";
import { TaskMenu } from "../../operations/menus";
import type { Change } from "../selection";
import type { Looked } from "./which";

interface Props {
  overview: Overview;
  found: Looked;
  onChange: (change: Change) => void;
  children: ReactNode;
}

/** Which task, which attempt and which iteration of it. */
export function PaneHeader({ overview, found, onChange, children }: Props) {
  const { row, attempts, iterations } = found;
  return (
    <header className="pane-header">
      <div className="row">
        <h2 className="mono pane-name">{row.referenceTaskName}</h2>
        <StatusMark status={taskStatus(row.status)} />
        {attempts.length > 1 && (
          <label className="mark">
            <span className="soft">Attempt</span>
            <select value={row.taskId} onChange={(event) => onChange({ task: row.referenceTaskName, attempt: event.target.value })}>
              {attempts.map((each) => (
                <option key={each.taskId} value={each.taskId}>
                  {each.attempt + 1} of {attempts.length}: {taskStatus(each.status).label}
                </option>
              ))}
            </select>
          </label>
        )}
        {iterations.length > 1 && <Iterations row={row} iterations={iterations} onChange={onChange} />}
        <span className="grow" />
        <TaskMenu run={overview.workflow} task={row} />
        <button type="button" className="button quiet" onClick={() => onChange({ task: undefined, attempt: undefined, run: undefined })}>
          Close the task
        </button>
      </div>
      {children}
    </header>
  );
}

/** A loop may have thousands of rounds: a number is typed, not chosen from a list. */
function Iterations({ row, iterations, onChange }: { row: TaskRow; iterations: readonly TaskRow[]; onChange: Props["onChange"] }) {
  const at = iterations.findIndex((each) => each.referenceTaskName === row.referenceTaskName);
  const go = (to: TaskRow | undefined) => to && onChange({ task: to.referenceTaskName, attempt: undefined });
  const last = iterations.at(-1)?.iteration ?? 0;
  return (
    <span className="mark" role="group" aria-label="Iteration">
      <button type="button" className="button" aria-label="Show the iteration before" disabled={at <= 0} onClick={() => go(iterations[at - 1])}>
        ‹
      </button>
      <label className="mark">
        <span className="soft">Iteration</span>
        <input
          key={row.iteration}
          type="number"
          className="pane-round"
          min={1}
          max={last}
          defaultValue={row.iteration}
          onChange={(event) => go(iterations.find((each) => each.iteration === event.target.valueAsNumber))}
        />
      </label>
      <span className="soft">of {last}</span>
      <button
        type="button"
        className="button"
        aria-label="Show the next iteration"
        disabled={at < 0 || at === iterations.length - 1}
        onClick={() => go(iterations[at + 1])}
      >
        ›
      </button>
    </span>
  );
}
