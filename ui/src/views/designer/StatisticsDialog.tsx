import { readStatistics, statisticsFile } from "../../model/designer/deploy";
import type { Statistics } from "../../model/news";
import { Dialog } from "../../widgets/Dialog";
import { JsonView } from "../../widgets/JsonView";
import { saveText } from "./save";

/** What a service left about its work; can be saved. */
export function StatisticsDialog({ statistics, onClose }: { statistics: Statistics; onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title={`Statistics of ${statistics.task_id}`} width={720}>
      {statistics.stats_url && <code className="soft">{statistics.stats_url}</code>}
      <JsonView value={readStatistics(statistics.content)} label={`Statistics of ${statistics.task_id}`} />
      <div className="row">
        <button type="button" className="button main" onClick={() => saveText(statisticsFile(statistics), statistics.content)}>
          Save {statisticsFile(statistics)}
        </button>
      </div>
    </Dialog>
  );
}
