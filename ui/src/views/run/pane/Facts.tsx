import type { ReactNode } from "react";
import { Link } from "react-router";
import type { TaskDetail } from "../../../api/queries/run";
import { duration } from "../../../model/duration";
import { links } from "../../../model/links";
import type { Overview, TaskRow } from "../../../model/run";
import { runStatus, taskStatus } from "../../../model/status";
import { lastedFor, queuedFor } from "../../../model/tasks";
import { CopyId } from "../../../widgets/CopyId";
import { StatusMark } from "../../../widgets/StatusMark";
import { Time, useNow } from "../../../widgets/Time";

interface Props {
  overview: Overview;
  row: TaskRow;
  attempts: readonly TaskRow[];
  /** With what only the task itself knows, once it is there. */
  task: TaskDetail | undefined;
  onSelect: (reference: string, taskId?: string) => void;
}

/** What is known of one attempt besides its data. */
export function Facts({ overview, row, attempts, task, onSelect }: Props) {
  const now = useNow();
  const present = runStatus(overview.workflow.status).ended ? (overview.workflow.endTime ?? now) : now;
  const before = attempts.find((each) => each.taskId === row.retriedTaskId);
  const after = attempts.find((each) => each.retriedTaskId === row.taskId);
  const facts: [string, ReactNode][] = [
    ["Status", <StatusMark key="" status={taskStatus(row.status)} />],
    ["Why", row.reasonForIncompletion && <span className="pane-reason">{row.reasonForIncompletion}</span>],
    ["Type", <code key="">{row.taskType || "not told"}</code>],
    ["Definition", row.taskDefName && row.taskDefName !== row.taskType && <code>{row.taskDefName}</code>],
    ["Attempt", attempts.length > 1 || row.attempt > 0 ? `${row.attempt + 1}${attempts.length > 1 ? ` of ${attempts.length}` : ""}` : null],
    ["Repeats", before && <Attempt row={before} onSelect={onSelect} />],
    ["Repeated by", after && <Attempt row={after} onSelect={onSelect} />],
    ["Iteration", row.iteration > 0 ? row.iteration : null],
    ["Case taken", row.caseOutput && <code>{row.caseOutput}</code>],
    ["Scheduled", <Time key="" at={row.scheduledTime} />],
    ["Queued for", row.scheduledTime > 0 ? duration(queuedFor(row, present)) : null],
    ["Started", row.startTime > 0 ? <Time at={row.startTime} /> : null],
    ["Lasted", row.startTime > 0 ? `${duration(lastedFor(row, present))}${row.endTime ? "" : " so far"}` : null],
    ["Ended", row.endTime > 0 ? <Time at={row.endTime} /> : null],
    ["Worker", row.workerId && <code>{row.workerId}</code>],
    ["Polls", row.pollCount > 0 ? row.pollCount : null],
    ["Domain", task?.domain && <code>{task.domain}</code>],
    ["Asks again after", row.callbackAfterSeconds > 0 ? duration(row.callbackAfterSeconds * 1_000) : null],
    ["Must answer within", task && task.responseTimeoutSeconds > 0 ? duration(task.responseTimeoutSeconds * 1_000) : null],
    ["Queue", taskStatus(row.status).ended ? null : row.taskType && <Link to={links.queues(row.taskDefName || row.taskType)}>Open the queue</Link>],
    ["Child run", row.subWorkflowId && <Link to={links.run(row.subWorkflowId)}>Open the child run</Link>],
    ["Task id", <CopyId key="" id={row.taskId} what="id of the task" />],
  ];
  return (
    <dl>
      {facts.map(([name, value]) =>
        value === null || value === undefined || value === false || value === "" ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function Attempt({ row, onSelect }: { row: TaskRow; onSelect: Props["onSelect"] }) {
  return (
    <button type="button" className="link" onClick={() => onSelect(row.referenceTaskName, row.taskId)}>
      attempt {row.attempt + 1}
    </button>
  );
}
