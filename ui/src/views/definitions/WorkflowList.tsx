import { useMemo, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useAbout, useNames, type About } from "../../api/queries/definitions";
import type { DefinitionRow } from "../../model/definitions";
import { links } from "../../model/links";
import type { Column } from "../../widgets/DataTable";
import { EmptyState } from "../../widgets/EmptyState";
import { Time } from "../../widgets/Time";
import { StartDialog } from "../start/StartDialog";
import { NamedList, type Values } from "./NamedList";
import { RecentMarks } from "./RecentMarks";

interface Row extends DefinitionRow, About {}

const VALUES: Values<Row> = {
  name: (row) => row.name,
  versions: (row) => row.versions,
  changed: (row) => row.changed,
  owner: (row) => row.owner,
};
const texts = (row: Row) => [row.name, row.description, row.owner];

/** All workflow definitions. Names come first; what each says of itself follows. */
export function WorkflowList() {
  const names = useNames();
  const about = useAbout();
  const [starting, setStarting] = useState<string>();
  const navigate = useNavigate();

  const all = useMemo<Row[] | undefined>(
    () => names.data?.map((row) => ({ ...row, ...(about.data?.get(row.name) ?? { description: "", owner: "" }) })),
    [names.data, about.data],
  );
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

  const draw = (className: string) => (
    <Link className={className} to={links.designer()}>
      Draw a workflow
    </Link>
  );
  return (
    <>
      <NamedList
        all={all}
        asked={names}
        one="definition"
        label="Workflow definitions"
        texts={texts}
        placeholder="Name, description or owner"
        columns={columns}
        values={VALUES}
        onOpen={(row) => void navigate(links.definition(row.name))}
        empty={
          <EmptyState title="There are no definitions yet" action={draw("button main")}>
            Draw one, or register one of your own: POST its JSON to /api/metadata/workflow.
          </EmptyState>
        }
        note={about.error && <span className="tone-warn">Descriptions could not be loaded: {about.error.message}</span>}
        tools={draw("button")}
      />
      {starting !== undefined && <StartDialog name={starting} open onOpenChange={(open) => open || setStarting(undefined)} />}
    </>
  );
}
