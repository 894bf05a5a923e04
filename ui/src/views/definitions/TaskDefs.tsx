import { useDeferredValue, useMemo, useState } from "react";
import { Link } from "react-router";
import { useTaskDefs, type TaskDef } from "../../api/queries/taskdefs";
import { counted, found, sorted } from "../../model/definitions";
import { links } from "../../model/links";
import { limitsText, retriesText, timeoutsText } from "../../model/taskdef";
import { DataTable, type Column, type TableSort } from "../../widgets/DataTable";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState } from "../../widgets/ErrorState";
import { Filter } from "../../widgets/Filter";
import { Loading } from "../../widgets/Loading";
import { DeleteTaskDef } from "./DeleteTaskDef";
import { TaskDefDialog } from "./TaskDefDialog";
import { useParam } from "../../app/useParam";

const VALUES: Readonly<Record<string, (task: TaskDef) => string | number>> = {
  name: (task) => task.name,
  owner: (task) => task.ownerEmail ?? "",
  retries: (task) => task.retryCount ?? 0,
  timeout: (task) => task.timeoutSeconds ?? 0,
};
const rowId = (task: TaskDef) => task.name;

/** What each task promises: retries, time-outs, limits. */
export function TaskDefs() {
  const tasks = useTaskDefs();
  const [filter, setFilter] = useParam("filter");
  // an address may lead to one: /definitions?tab=tasks&edit=charge_card
  const [edited, setEdited] = useParam("edit");
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<string>();
  const [sort, setSort] = useState<TableSort>({ column: "name", descending: false });
  const wanted = useDeferredValue(filter);
  const rows = useMemo(() => {
    const kept = (tasks.data ?? []).filter((task) => found(wanted, task.name, task.description, task.ownerEmail));
    return sorted(kept, VALUES[sort.column] ?? rowId, sort.descending);
  }, [tasks.data, wanted, sort]);
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
  const dialogs = (
    <>
      {creating && (
        <TaskDefDialog task={{ name: "" }} create taken={(name) => (tasks.data ?? []).some((task) => task.name === name)} onClose={() => setCreating(false)} />
      )}
      {deleting !== undefined && <DeleteTaskDef name={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
  if (tasks.isPending) return <Loading what="the task definitions" />;
  if (tasks.error && !tasks.data) {
    const again = (
      <button type="button" className="button" onClick={() => void tasks.refetch()}>
        Ask for them again
      </button>
    );
    return <ErrorState title="The task definitions could not be loaded" error={tasks.error} action={again} />;
  }
  if (tasks.data.length === 0) {
    return (
      <>
        <EmptyState title="There are no task definitions yet" action={create}>
          A task without one runs too, but without retries, time-outs and limits.
        </EmptyState>
        {dialogs}
      </>
    );
  }
  const one = tasks.data.find((task) => task.name === edited);
  return (
    <>
      <div className="row">
        <Filter
          value={filter}
          onChange={setFilter}
          label="Filter task definitions"
          placeholder="Name, description or owner"
          count={counted(rows.length, tasks.data.length, "task definition")}
        />
        {edited !== "" && !one && <span className="tone-warn">There is no task definition {edited}.</span>}
        <span className="grow" />
        {create}
      </div>
      <DataTable
        rows={rows}
        columns={columns}
        rowId={rowId}
        onOpen={(task) => setEdited(task.name)}
        sort={sort}
        onSort={setSort}
        label="Task definitions"
        empty={<EmptyState title={`No task definition contains “${filter}”`} action={<ClearFilter clear={() => setFilter("")} />} />}
      />
      {one && <TaskDefDialog key={one.name} task={one} create={false} taken={() => false} onClose={() => setEdited("")} />}
      {dialogs}
    </>
  );
}

export function ClearFilter({ clear }: { clear: () => void }) {
  return (
    <button type="button" className="button" onClick={clear}>
      Clear the filter
    </button>
  );
}
