import { useState } from "react";
import { useHistory } from "../../api/queries/run";
import type { Overview } from "../../model/run";
import { runStatus } from "../../model/status";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { StatusMark } from "../../widgets/StatusMark";
import { Time } from "../../widgets/Time";

const PAGE = 100;

interface Props {
  overview: Overview;
  onSelect: (reference: string, taskId?: string) => void;
}

/** What was done to the run, by whom and why: operations, late answers, time-outs, faults. */
export function AccountView({ overview, onSelect }: Props) {
  const [start, setStart] = useState(0);
  const history = useHistory(overview.workflow.workflowId, start, PAGE);
  if (history.isPending) return <Loading what="the account" />;
  if (history.error && !history.data) return <ErrorState title="The account could not be asked for" error={history.error} />;
  const { results, totalHits } = history.data;
  if (totalHits === 0) {
    return <EmptyState title="Nobody interfered">A run that goes its usual way has no lines here: operations, late answers, time-outs and faults do.</EmptyState>;
  }
  return (
    <div className="scrolls run-fill">
      <table>
        <caption className="unseen">What was done to the run</caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">Task</th>
            <th scope="col">Status</th>
            <th scope="col">By</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {results.map((line) => (
            <tr key={line.seq}>
              <td>
                <Time at={line.at} />
              </td>
              <td>{line.operation}</td>
              <td>
                {line.referenceTaskName && (
                  <button type="button" className="link" onClick={() => onSelect(line.referenceTaskName ?? "", line.taskId ?? undefined)}>
                    {line.referenceTaskName}
                  </button>
                )}
              </td>
              <td>
                <StatusMark status={runStatus(line.statusBefore)} />
                {line.statusAfter !== line.statusBefore && (
                  <>
                    {" → "}
                    <StatusMark status={runStatus(line.statusAfter)} />
                  </>
                )}
              </td>
              <td>{[line.actor, line.from].filter(Boolean).join(", ")}</td>
              <td className="run-wrap">
                {line.reason}
                {line.detail != null && <pre>{JSON.stringify(line.detail)}</pre>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {totalHits > PAGE && (
        <p className="row">
          <button type="button" className="button" disabled={start === 0} onClick={() => setStart(Math.max(0, start - PAGE))}>
            Show earlier lines
          </button>
          <span className="soft">
            {start + 1}–{start + results.length} of {totalHits}
          </span>
          <button type="button" className="button" disabled={start + PAGE >= totalHits} onClick={() => setStart(start + PAGE)}>
            Show later lines
          </button>
        </p>
      )}
    </div>
  );
}
