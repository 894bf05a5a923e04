import { useMemo, useRef } from "react";
import { useCommands, type Command } from "../../../app/commands";
import type { Overview } from "../../../model/run";
import { taskStatus, TASK_STATUSES } from "../../../model/status";
import { counts, sortOf } from "../../../model/tasks";
import { StatusShape } from "../../../widgets/StatusMark";
import type { Change, Selection } from "../selection";

interface Props {
  overview: Overview;
  selection: Selection;
  /** Lines that are shown. */
  found: number;
  onChange: (change: Change) => void;
}

/** Text and status; the statuses say how many tasks have them. */
export function TaskFilter({ overview, selection, found, onChange }: Props) {
  const field = useRef<HTMLInputElement>(null);
  useCommands(
    useMemo<Command[]>(() => [{ id: "run.tasks.find", title: "Find a task of the run", group: "Run", keys: "/", run: () => field.current?.focus() }], []),
  );
  const count = useMemo(() => counts(overview.tasks), [overview]);
  const order = [...new Set([...TASK_STATUSES.map((status) => status.name), ...count.keys()])].filter((name) => count.has(name));
  const filtered = Boolean(selection.find) || Boolean(selection.status) || sortOf(selection.sort) !== undefined;
  return (
    <div className="row run-bar">
      <input
        ref={field}
        type="search"
        aria-label="Find tasks by name, type, worker or reason"
        placeholder="Find a task"
        value={selection.find ?? ""}
        onChange={(event) => onChange({ find: event.target.value || undefined })}
      />
      <div role="group" aria-label="Status" className="row">
        {order.map((name) => {
          const status = taskStatus(name);
          const pressed = selection.status === name;
          return (
            <button
              key={name}
              type="button"
              className={`button tasks-chip ${pressed ? "tasks-pressed" : ""}`}
              aria-pressed={pressed}
              onClick={() => onChange({ status: pressed ? undefined : name })}
            >
              <StatusShape status={status} /> {status.label} <span className="run-number">{count.get(name)}</span>
            </button>
          );
        })}
      </div>
      <span className="grow" />
      {filtered && (
        <>
          <span className="soft" role="status">
            {found} of {overview.tasks.length} attempts
          </span>
          <button type="button" className="button quiet" onClick={() => onChange({ find: undefined, status: undefined, sort: undefined })}>
            Show all as they happened
          </button>
        </>
      )}
    </div>
  );
}
