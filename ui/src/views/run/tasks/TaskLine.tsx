import { memo, type CSSProperties } from "react";
import { Link } from "react-router";
import { duration, exact } from "../../../model/duration";
import { links } from "../../../model/links";
import { standing, type Branch, type Shown } from "../../../model/outline";
import { taskStatus } from "../../../model/status";
import { lastedFor, queuedFor, type Sort } from "../../../model/tasks";
import { extent } from "../../../model/timeline";
import { StatusMark } from "../../../widgets/StatusMark";

export const COLUMNS: readonly { title: string; sort?: Sort; className?: string }[] = [
  { title: "Task", sort: "name" },
  { title: "Type", sort: "type" },
  { title: "Status", sort: "status" },
  { title: "Scheduled", sort: "scheduled", className: "number" },
  { title: "Queued", sort: "queued", className: "number" },
  { title: "Lasted", sort: "lasted", className: "number" },
  { title: "Worker", sort: "worker" },
  { title: "Why it ended so" },
];

interface Props {
  id: string;
  row: Shown;
  /** As screen readers count it: the head is 1. */
  index: number;
  top: number;
  present: number;
  begin: number;
  selected: boolean;
  note: string | undefined;
  onSelect: (branch: Branch) => void;
  onFold: (branches: readonly Branch[], open: boolean) => void;
}

export const TaskLine = memo(function TaskLine({ id, row, index, top, present, begin, selected, note, onSelect, onFold }: Props) {
  const { branch, depth, open } = row;
  const last = branch.attempts.at(-1);
  const whole = last ? undefined : extent(branch, present);
  const scheduled = last ? last.scheduledTime || last.startTime : (whole?.from ?? 0);
  return (
    // the grid has the keys (activedescendant)
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      id={id}
      role="row"
      aria-rowindex={index}
      aria-level={depth + 1}
      aria-posinset={row.siblings > 0 ? row.position : undefined}
      aria-setsize={row.siblings > 0 ? row.siblings : undefined}
      aria-expanded={open}
      aria-selected={selected}
      className="tasks-row tasks-line"
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onSelect(branch)}
    >
      <div role="gridcell" className="tasks-name" style={{ "--depth": depth } as CSSProperties}>
        {open === undefined ? (
          row.siblings > 0 && <span className="tasks-fold" />
        ) : (
          <button
            type="button"
            tabIndex={-1}
            className="tasks-fold"
            aria-label={`${open ? "Fold" : "Unfold"} ${branch.label}`}
            onClick={(event) => {
              event.stopPropagation();
              onFold([branch], !open);
            }}
          >
            {open ? "▾" : "▸"}
          </button>
        )}
        <span className={`cut ${branch.kind === "task" ? "mono" : ""}`} title={branch.label}>
          {branch.label}
        </span>
        {branch.attempts.length > 1 && <span className="tasks-tries">{branch.attempts.length} attempts</span>}
        {last !== undefined && branch.attempts.length === 1 && last.attempt > 0 && <span className="tasks-tries">attempt {last.attempt + 1}</span>}
        {note && <span className="soft">{note}</span>}
        {branch.childRun !== null && (
          <Link to={links.run(branch.childRun)} onClick={(event) => event.stopPropagation()} tabIndex={selected ? 0 : -1}>
            Open the run
          </Link>
        )}
      </div>
      <div role="gridcell" className="cut" title={last?.taskType}>
        {last?.taskType}
      </div>
      <div role="gridcell">
        <StatusMark status={taskStatus(standing(branch))} pill={false} />
      </div>
      <div role="gridcell" className="number" title={scheduled ? exact(scheduled, false) : ""}>
        {scheduled ? `+${duration(scheduled - begin)}` : ""}
      </div>
      <div role="gridcell" className="number">
        {last && last.scheduledTime > 0 ? duration(queuedFor(last, present)) : ""}
      </div>
      <div role="gridcell" className="number">
        {whole ? duration(whole.to - whole.from) : last && last.startTime > 0 ? duration(lastedFor(last, present)) : ""}
      </div>
      <div role="gridcell" className="cut" title={last?.workerId ?? ""}>
        {last?.workerId}
      </div>
      <div role="gridcell" className="cut" title={last?.reasonForIncompletion ?? ""}>
        {last?.reasonForIncompletion}
      </div>
    </div>
  );
});
