import { useDeferredValue, useMemo, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useAbout, useNames, type About } from "../../api/queries/definitions";
import { counted, found, sorted, type DefinitionRow } from "../../model/definitions";
import { links } from "../../model/links";
import { DataTable, type Column, type TableSort } from "../../widgets/DataTable";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState } from "../../widgets/ErrorState";
import { Filter } from "../../widgets/Filter";
import { Loading } from "../../widgets/Loading";
import { Time } from "../../widgets/Time";
import { StartDialog } from "../start/StartDialog";
import { RecentMarks } from "./RecentMarks";
import { useParam } from "../../app/useParam";

interface Row extends DefinitionRow, About {}

const VALUES: Readonly<Record<string, (row: Row) => string | number>> = {
  name: (row) => row.name,
  versions: (row) => row.versions,
  changed: (row) => row.changed,
  owner: (row) => row.owner,
};
const rowId = (row: Row) => row.name;

/** All workflow definitions. Names come first; what each says of itself follows. */
export function WorkflowList() {
  const names = useNames();
  const about = useAbout();
  const [filter, setFilter] = useParam("filter");
  const [sort, setSort] = useState<TableSort>({ column: "name", descending: false });
  const [starting, setStarting] = useState<string>();
  const navigate = useNavigate();
  const wanted = useDeferredValue(filter);

  const all = useMemo<Row[]>(
    () => (names.data ?? []).map((row) => ({ ...row, ...(about.data?.get(row.name) ?? { description: "", owner: "" }) })),
    [names.data, about.data],
  );
  const rows = useMemo(() => {
    const kept = all.filter((row) => found(wanted, row.name, row.description, row.owner));
    return sorted(kept, VALUES[sort.column] ?? rowId, sort.descending);
  }, [all, wanted, sort]);
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "name",
        title: "Name",
        width: 260,
        sorts: true,
        cell: (row) => (
          <Link to={links.definition(row.name)} title={row.name}>
            {row.name}
          </Link>
        ),
      },
      { id: "latest", title: "Latest", width: 70, numeric: true, cell: (row) => row.latest },
      { id: "versions", title: "Versions", width: 90, numeric: true, sorts: true, cell: (row) => row.versions },
      { id: "runs", title: "Last runs", width: 170, cell: (row) => <RecentMarks name={row.name} /> },
      { id: "description", title: "Description", width: 320, cell: (row) => <span title={row.description}>{row.description}</span> },
      { id: "owner", title: "Owner", width: 170, sorts: true, cell: (row) => <span title={row.owner}>{row.owner}</span> },
      { id: "changed", title: "Changed", width: 110, sorts: true, cell: (row) => <Time at={row.changed} /> },
      {
        id: "start",
        title: "Start",
        width: 80,
        cell: (row) => (
          <button type="button" className="button quiet" onClick={() => setStarting(row.name)} aria-label={`Start ${row.name}`}>
            Start
          </button>
        ),
      },
    ],
    [],
  );

  if (names.isPending) return <Loading what="the definitions" />;
  if (names.error && !names.data) {
    const again = (
      <button type="button" className="button" onClick={() => void names.refetch()}>
        Ask for them again
      </button>
    );
    return <ErrorState title="The definitions could not be loaded" error={names.error} action={again} />;
  }
  if (all.length === 0) {
    const draw = (
      <Link className="button main" to={links.designer()}>
        Draw a workflow
      </Link>
    );
    return (
      <EmptyState title="There are no definitions yet" action={draw}>
        Draw one, or register one of your own: POST its JSON to /api/metadata/workflow.
      </EmptyState>
    );
  }
  const none = (
    <EmptyState
      title={`No definition contains “${filter}”`}
      action={
        <button type="button" className="button" onClick={() => setFilter("")}>
          Clear the filter
        </button>
      }
    />
  );
  return (
    <>
      <div className="row">
        <Filter
          value={filter}
          onChange={setFilter}
          label="Filter definitions"
          placeholder="Name, description or owner"
          count={counted(rows.length, all.length, "definition")}
        />
        {about.error && <span className="tone-warn">Descriptions could not be loaded: {about.error.message}</span>}
        <span className="grow" />
        <Link className="button" to={links.designer()}>
          Draw a workflow
        </Link>
      </div>
      <DataTable
        rows={rows}
        columns={columns}
        rowId={rowId}
        onOpen={(row) => void navigate(links.definition(row.name))}
        sort={sort}
        onSort={setSort}
        label="Workflow definitions"
        empty={none}
      />
      {starting !== undefined && <StartDialog name={starting} open onOpenChange={(open) => open || setStarting(undefined)} />}
    </>
  );
}
