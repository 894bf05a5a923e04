import { useIngestion } from "../../api/socket";
import { EmptyState } from "../../widgets/EmptyState";
import { Loading } from "../../widgets/Loading";
import { useParam } from "../../app/useParam";
import { TabSet } from "../../widgets/TabSet";
import { DagRuns } from "./DagRuns";
import { Deployments } from "./Deployments";
import { Files } from "./Files";
import { StatisticsTab } from "./StatisticsTab";

const TABS = [
  { name: "dags", title: "DAG runs", view: DagRuns },
  { name: "files", title: "Files", view: Files },
  { name: "statistics", title: "Statistics", view: StatisticsTab },
  { name: "deployments", title: "Deployments", view: Deployments },
] as const;

/** What stands around the engine: DAG runs that are watched, files, what services counted, what was deployed. */
export default function PipelineView() {
  const [tab, setTab] = useParam("tab", "dags");
  const ingestion = useIngestion();
  return (
    <div className="page whole">
      <h1>Pipeline</h1>
      {ingestion === undefined ? (
        <Loading what="the pipeline" />
      ) : ingestion === null ? (
        <EmptyState title="This node has no ingestion service">
          Start one with <code>podium ingest</code>, and say where browsers find it by the setting <code>ui.ingestion_url</code>.
        </EmptyState>
      ) : (
        <TabSet label="About the pipeline" tabs={TABS} value={tab} onChange={setTab} />
      )}
    </div>
  );
}
