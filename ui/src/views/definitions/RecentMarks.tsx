import { Link } from "react-router";
import { useRecent } from "../../api/queries/definitions";
import { relative } from "../../model/duration";
import { links } from "../../model/links";
import { runStatus } from "../../model/status";
import { StatusShape } from "../../widgets/StatusMark";
import { useNow } from "../../widgets/Time";
import { useRested } from "../../widgets/useRested";

/** A row that only flies by while the list is scrolled asks for nothing. */
const REST = 200;
const SHOWN = 8;

/** The statuses of the last runs of a definition, the newest at the right; each leads to its run. */
export function RecentMarks({ name }: { name: string }) {
  const rested = useRested(REST);
  const now = useNow();
  const recent = useRecent(name, { limit: SHOWN, enabled: rested, every: 15_000 });
  if (recent.error && !recent.data) return <span className="soft" title={recent.error.message}>not known</span>;
  if (!recent.data) return <span className="soft">…</span>;
  if (recent.data.runs.length === 0) return <span className="soft">never ran</span>;
  return (
    <span className="definition-marks">
      {recent.data.runs.toReversed().map((run) => {
        const status = runStatus(run.status);
        const text = `${status.label}, version ${run.workflowVersion}, started ${relative(run.startTime, now)}`;
        return (
          <Link key={run.workflowId} to={links.run(run.workflowId)} title={text} aria-label={text} tabIndex={-1}>
            <StatusShape status={status} />
          </Link>
        );
      })}
    </span>
  );
}
