import { useState, type ReactNode } from "react";
import { changeText, type Impact, type ImpactTask } from "../model/impact";
import { NAMES, runStatus, taskStatus } from "../model/status";
import { StatusMark } from "./StatusMark";
import "./ImpactPreview.css";

/** Named at first; the others on demand. */
const AT_FIRST = 8;
/** No more than so many names are drawn, however many there are. */
const AT_MOST = 500;

interface Props {
  impact: Impact;
  /** A link to another run. */
  runLink: (workflowId: string) => ReactNode;
  /** The run that was asked about. */
  asked: string;
}

/** What an operation would do: every task by its name, and the other runs. */
export function ImpactPreview({ impact, runLink, asked }: Props) {
  const [before, after] = [runStatus(impact.statusBefore), runStatus(impact.statusAfter)];
  const groups: readonly [string, string, readonly ImpactTask[]][] = [
    ["Run again", "run", impact.runAgain.filter((task) => task.status !== NAMES.skipped)],
    ["Passed over", "mute", impact.runAgain.filter((task) => task.status === NAMES.skipped)],
    ["Reset: results count no more", "bad", impact.reset],
    ["Cancelled", "bad", impact.cancelled],
    ["Kept", "good", impact.kept],
  ];
  return (
    <section className="impact column" aria-label="What it would do">
      <p className="row">
        <StatusMark status={before} />
        <span aria-label="becomes">→</span>
        <StatusMark status={after} />
      </p>
      {impact.workflowId !== asked && <p>It is about the sub-workflow {runLink(impact.workflowId)} in truth.</p>}
      {impact.notes?.map((note) => <p key={note}>{note}</p>)}
      {groups.map(([title, tone, tasks]) => tasks.length > 0 && <Group key={title} title={title} tone={tone} tasks={tasks} />)}
      {impact.workflows.length > 0 && (
        <div>
          <h3>Other workflows: {impact.workflows.length}</h3>
          <ul className="impact-tasks">
            {impact.workflows.slice(0, AT_MOST).map((other, i) => (
              <li key={other.workflowId ?? i}>
                {other.workflowId ? runLink(other.workflowId) : "A sub-workflow"} {changeText(other.change)}
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function Group({ title, tone, tasks }: { title: string; tone: string; tasks: readonly ImpactTask[] }) {
  const [all, setAll] = useState(false);
  const shown = tasks.slice(0, all ? AT_MOST : AT_FIRST);
  const rest = tasks.length - shown.length;
  return (
    <div>
      <h3>
        <span className={`tone-${tone}`}>{title}</span>: {tasks.length.toLocaleString("en")}
      </h3>
      <ul className="impact-tasks" aria-label={title}>
        {shown.map((task, i) => (
          <li key={`${task.referenceTaskName} ${task.iteration} ${task.retryCount} ${i}`} className="row">
            <code className="cut" title={task.referenceTaskName}>
              {task.referenceTaskName}
            </code>
            <span className="soft">
              {task.taskType === task.referenceTaskName ? "" : task.taskType}
              {task.iteration > 0 ? ` iteration ${task.iteration}` : ""}
              {task.retryCount > 0 ? ` attempt ${task.retryCount + 1}` : ""}
            </span>
            <StatusMark status={taskStatus(task.status)} pill={false} />
          </li>
        ))}
        {rest > 0 && (
          <li>
            {all ? (
              <span className="soft">and {rest.toLocaleString("en")} more</span>
            ) : (
              <button type="button" className="button quiet" onClick={() => setAll(true)}>
                Show {rest.toLocaleString("en")} more
              </button>
            )}
          </li>
        )}
      </ul>
    </div>
  );
}
