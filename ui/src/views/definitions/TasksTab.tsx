import { useState } from "react";
import { Link } from "react-router";
import type { WorkflowDef } from "../../api/queries/definitions";
import { useTaskDefs, type TaskDef } from "../../api/queries/taskdefs";
import { usedTasks, type DefinedTask } from "../../model/definitions";
import { links } from "../../model/links";
import { limitsText, retriesText, timeoutsText } from "../../model/taskdef";
import { ErrorState } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { TaskDefDialog } from "./TaskDefDialog";

/** More rows than this are cut, with a word: a definition of so many different tasks is read as JSON. */
const MOST = 500;

/** The tasks that a definition uses, and what each promises. */
export function TasksTab({ definition }: { definition: WorkflowDef }) {
  const tasks = useTaskDefs();
  const [open, setOpen] = useState<{ task: TaskDef | { name: string }; create: boolean }>();
  if (tasks.error && !tasks.data) return <ErrorState title="The task definitions could not be loaded" error={tasks.error} />;
  if (!tasks.data) return <Loading what="the task definitions" />;
  const by = new Map(tasks.data.map((task) => [task.name, task]));
  const used = usedTasks(definition.tasks as readonly DefinedTask[]);
  return (
    <>
      <table aria-label={`Tasks of ${definition.name}`}>
        <thead>
          <tr>
            {["Task", "Type", "Used as", "Retries", "Time-outs", "Limits", "Definition"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {used.slice(0, MOST).map((each) => {
            const task = by.get(each.name);
            return (
              <tr key={`${each.name} ${each.type}`}>
                <th scope="row" className="mono">
                  {each.polled ? <Link to={links.queues(each.name)}>{each.name}</Link> : each.name}
                </th>
                <td>{each.type}</td>
                <td className="mono">{each.references.slice(0, 6).join(", ") + (each.references.length > 6 ? ` and ${each.references.length - 6} more` : "")}</td>
                {task ? (
                  <>
                    <td>{retriesText(task)}</td>
                    <td>{timeoutsText(task)}</td>
                    <td>{limitsText(task)}</td>
                  </>
                ) : (
                  <td colSpan={3} className={each.polled ? "tone-warn" : "soft"}>
                    {each.polled ? "No definition: no retries and no limits" : "Needs none"}
                  </td>
                )}
                <td>
                  {task ? (
                    <button type="button" className="button quiet" onClick={() => setOpen({ task, create: false })}>
                      Change {each.name} …
                    </button>
                  ) : (
                    each.polled && (
                      <button type="button" className="button quiet" onClick={() => setOpen({ task: { name: each.name }, create: true })}>
                        Define {each.name} …
                      </button>
                    )
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {used.length > MOST && <p className="soft">{used.length - MOST} more are in the JSON of the definition.</p>}
      {open && <TaskDefDialog {...open} taken={(name) => by.has(name)} onClose={() => setOpen(undefined)} />}
    </>
  );
}
