import { useMemo, useState } from "react";
import { Link } from "react-router";
import { useTaskDefs, type TaskDef } from "../../api/queries/taskdefs";
import { links } from "../../model/links";
import { limitsText, retriesText, timeoutsText } from "../../model/taskdef";
import type { Column } from "../../widgets/DataTable";
import { EmptyState } from "../../widgets/EmptyState";
import { useParam } from "../../app/useParam";
import { DeleteTaskDef } from "./DeleteTaskDef";
import { NamedList, type Values } from "./NamedList";
import { TaskDefDialog } from "./TaskDefDialog";

const VALUES: Values<TaskDef> = {
  name: (task) => task.name,
  owner: (task) => task.ownerEmail ?? "",
  retries: (task) => task.retryCount ?? 0,
  timeout: (task) => task.timeoutSeconds ?? 0,
};
const texts = (task: TaskDef) => [task.name, task.description, task.ownerEmail];

/** What each task promises: retries, time-outs, limits. */
export function TaskDefs() {
  const tasks = useTaskDefs();
  // an address may lead to one: /definitions?tab=tasks&edit=charge_card
  const [edited, setEdited] = useParam("edit");
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<string>();
  const columns = useMemo<Column<TaskDef>[]>(
    () => [
      {
        id: "name",
        title: "Name",
        width: 230,
        sorts: true,
        cell: (task) => (
          <button type="button" className="linklike" onClick={() => setEdited(task.name)} title={`Change ${task.name}`}>
            {task.name}
          </button>
        ),
      },
      { id: "description", title: "Description", width: 240, cell: (task) => <span title={task.description ?? ""}>{task.description}</span> },
      { id: "retries", title: "Retries", width: 180, sorts: true, cell: retriesText },
      { id: "timeout", title: "Time-outs", width: 300, sorts: true, cell: (task) => <span title={timeoutsText(task)}>{timeoutsText(task)}</span> },
      { id: "limits", title: "Limits", width: 140, cell: limitsText },
      { id: "owner", title: "Owner", width: 160, sorts: true, cell: (task) => task.ownerEmail },
      { id: "queue", title: "Queue", width: 70, cell: (task) => <Link to={links.queues(task.name)} aria-label={`Queue of ${task.name}`}>Queue</Link> },
      {
        id: "delete",
        title: "Delete",
        width: 90,
        cell: (task) => (
          <button type="button" className="button quiet" onClick={() => setDeleting(task.name)} aria-label={`Delete ${task.name}`}>
            Delete …
          </button>
        ),
      },
    ],
    [setEdited],
  );

  const create = (
    <button type="button" className="button main" onClick={() => setCreating(true)}>
      Define a task
    </button>
  );
  const one = tasks.data?.find((task) => task.name === edited);
  return (
    <>
      <NamedList
        all={tasks.data}
        asked={tasks}
        one="task definition"
        label="Task definitions"
        texts={texts}
        placeholder="Name, description or owner"
        columns={columns}
        values={VALUES}
        onOpen={(task) => setEdited(task.name)}
        empty={
          <EmptyState title="There are no task definitions yet" action={create}>
            A task without one runs too, but without retries, time-outs and limits.
          </EmptyState>
        }
        note={edited !== "" && !one && <span className="tone-warn">There is no task definition {edited}.</span>}
        tools={create}
      />
      {one && <TaskDefDialog key={one.name} task={one} create={false} taken={() => false} onClose={() => setEdited("")} />}
      {creating && (
        <TaskDefDialog task={{ name: "" }} create taken={(name) => (tasks.data ?? []).some((task) => task.name === name)} onClose={() => setCreating(false)} />
      )}
      {deleting !== undefined && <DeleteTaskDef name={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}
