import { useState } from "react";
import { Link } from "react-router";
import { stopBulk, useBulk, useBulkRefusals } from "../../api/queries/bulk";
import { progress, runs } from "../../model/bulk";
import { links } from "../../model/links";
import { words } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";

const REFUSALS = 200;

/** How far it is, and what was refused. It goes on when this is closed. */
export function BulkProgress({ ids, onClose }: { ids: readonly string[]; onClose: () => void }) {
  const found = useBulk(ids);
  const [stopping, setStopping] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const now = found.data ? progress(found.data) : undefined;
  const refusals = useBulkRefusals(ids, now?.running === false ? now.failed : 0, REFUSALS);
  if (!now) return found.error ? <p role="alert">{words(found.error)}</p> : <Loading what="how it stands" />;
  const done = now.total - now.pending;
  const stop = () => {
    setStopping(true);
    stopBulk(ids)
      .then(() => found.refetch())
      .catch((error: unknown) => setTrouble(words(error)))
      .finally(() => setStopping(false));
  };
  return (
    <div className="column">
      <progress className="runs-progress" value={done} max={Math.max(1, now.total)} aria-label="Progress" />
      <p role="status">
        {now.running ? `${done.toLocaleString("en")} of ${runs(now.total)}` : `Over: ${runs(now.total)}`}: {now.succeeded.toLocaleString("en")}{" "}
        done, {now.failed.toLocaleString("en")} refused
        {now.stopped > 0 ? `, ${now.stopped.toLocaleString("en")} left as they were` : ""}.
      </p>
      {found.error && <p role="alert">{words(found.error)} It goes on at the server.</p>}
      {trouble && <p role="alert">{trouble}</p>}
      {refusals.data && refusals.data.length > 0 && (
        <section className="column" aria-label="Refused">
          <h3>Refused: {now.failed.toLocaleString("en")}</h3>
          <ul className="runs-refusals">
            {refusals.data.map((each) => (
              <li key={each.workflowId}>
                <Link to={links.run(each.workflowId)} onClick={onClose}>
                  <code>{each.workflowId}</code>
                </Link>{" "}
                {each.reason}
              </li>
            ))}
            {now.failed > refusals.data.length && <li className="soft">and {(now.failed - refusals.data.length).toLocaleString("en")} more</li>}
          </ul>
        </section>
      )}
      <div className="row runs-end">
        {now.running && (
          <button type="button" className="button danger" disabled={stopping} onClick={stop}>
            Stop: leave {runs(now.pending)} as they are
          </button>
        )}
        <button type="button" className="button main" onClick={onClose}>
          {now.running ? "Close: it goes on" : "Close"}
        </button>
      </div>
    </div>
  );
}
