import { Link } from "react-router";
import { useDagRuns } from "../../api/queries/pipeline";
import { links } from "../../model/links";
import { Answered } from "../../widgets/Answered";
import { CopyId } from "../../widgets/CopyId";
import { EmptyState } from "../../widgets/EmptyState";
import { Time } from "../../widgets/Time";
import { useParam } from "../../app/useParam";

/** As the ingestion service names them. */
const STATES = ["pending", "running", "completed", "failed"];

/** DAG runs that the monitor watches, or has watched. */
export function DagRuns() {
  const [state, setState] = useParam("state");
  const query = useDagRuns(state);
  const filter = (
    <label className="row">
      State
      <select value={state} onChange={(event) => setState(event.target.value)}>
        <option value="">all</option>
        {[...new Set([...STATES, ...(state ? [state] : [])])].map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
  return (
    <Answered query={query} what="DAG runs" tools={filter}>
      {(runs) =>
        runs.length === 0 ? (
          <EmptyState title={state ? `No DAG run is ${state}` : "No DAG run is watched"}>
            The monitor lists a DAG run here once the Airflow adapter has triggered it for a workflow.
          </EmptyState>
        ) : (
          <div className="listed">
            <table aria-label="DAG runs">
              <thead>
                <tr>
                  <th scope="col">State</th>
                  <th scope="col">DAG</th>
                  <th scope="col">DAG run</th>
                  <th scope="col">For</th>
                  <th scope="col">Since</th>
                  <th scope="col">Last looked at</th>
                  <th scope="col">Trouble</th>
                </tr>
              </thead>
              <tbody>
                {runs.map((run) => (
                  <tr key={run.id}>
                    <td>{run.state}</td>
                    <td>{run.dag_id}</td>
                    <td>
                      <CopyId id={run.dag_run_id} what="id of the DAG run" />
                    </td>
                    <td>
                      <Link to={links.run(run.workflow_id)}>
                        {run.task} of <code>{run.workflow_id.slice(0, 8)}…</code>
                      </Link>
                    </td>
                    <td>
                      <Time at={run.since} />
                    </td>
                    <td>
                      <Time at={run.checked_at} />
                    </td>
                    <td>{run.error ? <span className="tone-bad">✕ {run.error}</span> : <span className="soft">none</span>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )
      }
    </Answered>
  );
}
