import { useState } from "react";
import { Link } from "react-router";
import type { Statistics } from "../../model/news";
import { links } from "../../model/links";
import { StatusMark } from "../../widgets/StatusMark";
import { StatisticsDialog } from "./StatisticsDialog";
import type { WatchedRun } from "./useRun";

interface Props {
  run: WatchedRun;
  onRetry: () => void;
  retrying: boolean;
  onRerun: () => void;
  busy: boolean;
}

/** The run that is watched on the drawing. */
export function RunCard({ run, onRetry, retrying, onRerun, busy }: Props) {
  const [shown, setShown] = useState<Statistics | undefined>();
  return (
    <section className="card column" aria-label="Watched run">
      <div className="row">
        <h3 className="grow">Watched run</h3>
        {run.status ? <StatusMark status={run.status} /> : <span className="soft">Waiting for news …</span>}
      </div>
      <p className="row">
        <Link to={links.run(run.id)}>Open the run</Link>
        <code className="cut">{run.id}</code>
      </p>
      {run.by === "engine" && <p className="soft">The ingestion service's socket is away; the engine tells how it stands.</p>}
      {run.reason && <p className="designer-wrong">{run.reason}</p>}
      <div className="row">
        {run.offer && (
          <button type="button" className="button main" onClick={onRetry} disabled={retrying}>
            {retrying ? "Retrying …" : "Retry where it failed"}
          </button>
        )}
        {run.status?.ended && (
          <button type="button" className="button" onClick={onRerun} disabled={busy}>
            Re-run from the beginning
          </button>
        )}
      </div>
      {run.statistics.length > 0 && (
        <ul className="designer-stored" aria-label="Statistics">
          {run.statistics.map((each) => (
            <li key={each.task_id} className="row">
              <code className="grow cut">{each.task_id}</code>
              <button type="button" className="button" onClick={() => setShown(each)}>
                Show statistics
              </button>
            </li>
          ))}
        </ul>
      )}
      {shown && <StatisticsDialog statistics={shown} onClose={() => setShown(undefined)} />}
    </section>
  );
}
