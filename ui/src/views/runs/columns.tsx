import { Link } from "react-router";
import type { RunRow } from "../../api/queries/runs";
import { bytes, duration } from "../../model/duration";
import { links } from "../../model/links";
import { runStatus } from "../../model/status";
import { CopyId } from "../../widgets/CopyId";
import type { Column } from "../../widgets/DataTable";
import { StatusMark } from "../../widgets/StatusMark";
import { Time, useNow } from "../../widgets/Time";

/** Instants of a summary are texts; what is not there yet is none. */
export const instant = (text: string | null | undefined): number | undefined => {
  const at = text ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) || at <= 0 ? undefined : at;
};

const text = (value: string | null | undefined) =>
  value ? <span title={value.length > 2_000 ? undefined : value}>{value.slice(0, 500)}</span> : <span className="soft">–</span>;

/** Of a run that goes on, up to now. */
function Took({ row }: { row: RunRow }) {
  const now = useNow();
  const from = instant(row.startTime);
  if (runStatus(row.status).ended) return <>{duration(row.executionTime)}</>;
  return <>{from === undefined ? "–" : duration(now - from)}</>;
}

/** The ids are the server's names of the fields, so that it can sort by them. */
export const COLUMNS: readonly Column<RunRow>[] = [
  { id: "status", title: "Status", width: 120, sorts: true, cell: (row) => <StatusMark status={runStatus(row.status)} /> },
  {
    id: "workflowType",
    title: "Workflow",
    width: 240,
    sorts: true,
    cell: (row) => (
      <Link to={links.run(row.workflowId)} title={`${row.workflowType}, version ${row.version}`}>
        {row.workflowType} <span className="soft">v{row.version}</span>
      </Link>
    ),
  },
  { id: "workflowId", title: "Workflow id", width: 320, cell: (row) => <CopyId id={row.workflowId} what="workflow id" /> },
  { id: "startTime", title: "Started", width: 120, sorts: true, cell: (row) => <Time at={instant(row.startTime)} /> },
  { id: "executionTime", title: "Duration", width: 110, numeric: true, sorts: true, cell: (row) => <Took row={row} /> },
  { id: "endTime", title: "Ended", width: 120, sorts: true, cell: (row) => <Time at={instant(row.endTime)} /> },
  { id: "updateTime", title: "Updated", width: 120, sorts: true, cell: (row) => <Time at={instant(row.updateTime)} /> },
  { id: "correlationId", title: "Correlation id", width: 180, sorts: true, cell: (row) => text(row.correlationId) },
  { id: "reasonForIncompletion", title: "Reason", width: 320, cell: (row) => text(row.reasonForIncompletion) },
  { id: "failedReferenceTaskNames", title: "Failed tasks", width: 200, cell: (row) => text(row.failedReferenceTaskNames) },
  { id: "version", title: "Version", width: 80, numeric: true, sorts: true, cell: (row) => row.version },
  { id: "priority", title: "Priority", width: 80, numeric: true, sorts: true, cell: (row) => row.priority },
  {
    id: "parentWorkflowId",
    title: "Parent",
    width: 320,
    cell: (row) =>
      row.parentWorkflowId ? <Link to={links.run(row.parentWorkflowId)}>{row.parentWorkflowId}</Link> : <span className="soft">–</span>,
  },
  { id: "event", title: "Event", width: 180, cell: (row) => text(row.event) },
  { id: "input", title: "Input", width: 320, cell: (row) => text(row.input) },
  { id: "output", title: "Output", width: 320, cell: (row) => text(row.output) },
  { id: "inputSize", title: "Input size", width: 100, numeric: true, cell: (row) => bytes(row.inputSize) },
  { id: "outputSize", title: "Output size", width: 100, numeric: true, cell: (row) => bytes(row.outputSize) },
];

const USUAL: readonly string[] = ["status", "workflowType", "workflowId", "startTime", "executionTime", "correlationId", "reasonForIncompletion"];
const KEY = "podium.runs.columns";

/** What a browser kept of an older page is read as far as it makes sense. */
export function keptColumns(kept: string | null): readonly string[] {
  const known = (kept ?? "").split(",").filter((id) => COLUMNS.some((column) => column.id === id));
  return known.length > 0 ? known : USUAL;
}
export const columnsKey = KEY;
export const usualColumns = USUAL;
