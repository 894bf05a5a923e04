import { useState } from "react";
import { useBulkOperations } from "../../api/queries/bulk";
import { progress, runs } from "../../model/bulk";
import { Dialog } from "../../widgets/Dialog";
import { words } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { Time } from "../../widgets/Time";
import { BulkProgress } from "./BulkProgress";

/** What was done to many runs at once in the last month. */
export function BulkOperations({ onClose }: { onClose: () => void }) {
  const found = useBulkOperations(true);
  const [chosen, setChosen] = useState<string>();
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title="Operations on many runs" description="Of the last month, newest first." width={760}>
      {chosen !== undefined ? (
        <>
          <button type="button" className="button quiet" onClick={() => setChosen(undefined)}>
            ‹ All operations
          </button>
          <BulkProgress ids={[chosen]} onClose={onClose} />
        </>
      ) : found.error ? (
        <p role="alert">{words(found.error)}</p>
      ) : !found.data ? (
        <Loading what="the operations" />
      ) : found.data.length === 0 ? (
        <p className="soft">There was none.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Operation</th>
              <th scope="col">Begun</th>
              <th scope="col">Runs</th>
              <th scope="col" className="number">
                Done
              </th>
              <th scope="col" className="number">
                Refused
              </th>
            </tr>
          </thead>
          <tbody>
            {found.data.map((each) => (
              <tr key={each.operationId}>
                <td>
                  <button type="button" className="button quiet" title={each.query} onClick={() => setChosen(each.operationId)}>
                    {each.operation} {each.actor ? `by ${each.actor}` : ""} {progress([each]).running ? "(under way)" : ""}
                  </button>
                </td>
                <td>
                  <Time at={each.createdAt} />
                </td>
                <td>{runs(each.total)}</td>
                <td className="number">{each.succeeded.toLocaleString("en")}</td>
                <td className="number">{each.failed.toLocaleString("en")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Dialog>
  );
}
