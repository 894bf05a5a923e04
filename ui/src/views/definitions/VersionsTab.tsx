import { useMemo, useState } from "react";
import { Link } from "react-router";
import { useDefinition, useVersions, type VersionOf, type WorkflowDef } from "../../api/queries/definitions";
import { links } from "../../model/links";
import { DataTable, type Column } from "../../widgets/DataTable";
import { ErrorState } from "../../widgets/ErrorState";
import { JsonDiff } from "../../widgets/JsonDiff";
import { Loading } from "../../widgets/Loading";
import { Time } from "../../widgets/Time";
import { DeleteVersion } from "./DeleteVersion";
import { useParam } from "../../app/useParam";

const rowId = (row: VersionOf) => String(row.version);

/** The versions, and what differs between any two. */
export function VersionsTab({ name }: { name: string }) {
  const versions = useVersions(name);
  const [from, setFrom] = useParam("from");
  const [to, setTo] = useParam("to");
  const [deleting, setDeleting] = useState<number>();
  const list = versions.data;
  const columns = useMemo<Column<VersionOf>[]>(
    () => [
      {
        id: "version",
        title: "Version",
        width: 120,
        cell: (row) => (
          <Link to={links.definition(name, row.version)}>
            Version {row.version}
            {row.version === list?.[0]?.version && " (the latest)"}
          </Link>
        ),
      },
      { id: "created", title: "Created", width: 140, cell: (row) => <Time at={row.createTime} /> },
      { id: "changed", title: "Changed", width: 140, cell: (row) => <Time at={row.updateTime} /> },
      {
        id: "actions",
        title: "Actions",
        width: 330,
        cell: (row) => (
          <span className="row">
            <Link className="button quiet" to={links.designer(name, row.version)} aria-label={`Open version ${row.version} in the designer`}>
              Open in the designer
            </Link>
            <button type="button" className="button quiet" onClick={() => setDeleting(row.version)}>
              Delete version {row.version} …
            </button>
          </span>
        ),
      },
    ],
    [name, list],
  );
  if (versions.error && !list) return <ErrorState title="The versions could not be loaded" error={versions.error} />;
  if (!list) return <Loading what="the versions" />;
  const before = chosen(list, from, list[1] ?? list[0]);
  const after = chosen(list, to, list[0]);
  return (
    <>
      <div className="versions-list">
        <DataTable rows={list} columns={columns} rowId={rowId} label={`Versions of ${name}`} />
      </div>
      {list.length > 1 && before !== undefined && after !== undefined ? (
        <section className="definition-diff" aria-label="Differences between two versions">
          <div className="row">
            <Choice label="Compare version" list={list} value={before} onChange={setFrom} />
            <Choice label="with version" list={list} value={after} onChange={setTo} />
          </div>
          <Differences name={name} before={before} after={after} />
        </section>
      ) : (
        <p className="soft">With a second version, what differs is shown here.</p>
      )}
      {deleting !== undefined && <DeleteVersion name={name} version={deleting} last={list.length === 1} onClose={() => setDeleting(undefined)} />}
    </>
  );
}

const chosen = (list: readonly VersionOf[], text: string, otherwise: VersionOf | undefined): number | undefined =>
  list.find((each) => String(each.version) === text)?.version ?? otherwise?.version;

function Choice({ label, list, value, onChange }: { label: string; list: readonly VersionOf[]; value: number; onChange: (value: string) => void }) {
  return (
    <label className="row">
      {label}
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {list.map((each) => (
          <option key={each.version}>{each.version}</option>
        ))}
      </select>
    </label>
  );
}

/** Times and the number itself differ always, and say nothing. */
function comparable(definition: WorkflowDef): Record<string, unknown> {
  const noise = new Set(["createTime", "updateTime", "version", "createdBy", "updatedBy"]);
  return Object.fromEntries(Object.entries(definition).filter(([key]) => !noise.has(key)));
}

function Differences({ name, before, after }: { name: string; before: number; after: number }) {
  const one = useDefinition(name, before);
  const other = useDefinition(name, after);
  const sides = useMemo(() => one.data && other.data && ([comparable(one.data), comparable(other.data)] as const), [one.data, other.data]);
  const error = one.error ?? other.error;
  if (sides) return <JsonDiff before={sides[0]} after={sides[1]} labels={[`version ${before}`, `version ${after}`]} />;
  if (error) return <ErrorState title="The two versions could not be loaded" error={error} />;
  return <Loading what="the two versions" />;
}
