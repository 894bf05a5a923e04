import { lazy, Suspense, use } from "react";
import { useSearchParams } from "react-router";
import { usePlot, type Plot as Answer } from "../../api/queries/plots";
import { duration, exact } from "../../model/duration";
import { latencyInWords, throughputInWords, WINDOWS, windowOf } from "../../model/plot";
import { Age } from "../../widgets/Age";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { UtcContext } from "../../widgets/Time";

const Plot = lazy(() => import("../../widgets/Plot"));

const ENDS = [
  { key: "completed", title: "Completed", tone: "--good" },
  { key: "failed", title: "Failed", tone: "--bad" },
  { key: "timedOut", title: "Timed out", tone: "--warn" },
  { key: "terminated", title: "Terminated", tone: "--mute" },
  { key: "running", title: "Open", tone: "--run" },
] as const;
const LATENCIES = [
  { key: "p50", title: "Half of the runs", tone: "--good" },
  { key: "p95", title: "95 of 100", tone: "--warn", dash: "6 3" },
  { key: "p99", title: "99 of 100", tone: "--bad", dash: "2 3" },
] as const;

/** How many runs begin and how they end, and how long they take. */
export default function PlotsView() {
  const [parameters, change] = useSearchParams();
  const window = windowOf(parameters.get("window") ?? "1h");
  const workflowType = parameters.get("workflowType") ?? "";
  const { data, error, dataUpdatedAt, refetch } = usePlot(window.ms, workflowType);
  const set = (name: string, value: string) =>
    change(
      (before) => {
        const next = new URLSearchParams(before);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  return (
    <div className="page">
      <div className="row">
        <h1 className="grow">Plots</h1>
        <Age at={dataUpdatedAt} failed={error} />
      </div>
      <div className="row">
        <label className="row">
          Time
          <select value={window.name} onChange={(event) => set("window", event.target.value)}>
            {WINDOWS.map((one) => (
              <option key={one.name} value={one.name}>
                Last {one.title}
              </option>
            ))}
          </select>
        </label>
        <label className="row">
          Workflow
          <input
            type="search"
            defaultValue={workflowType}
            placeholder="all"
            onBlur={(event) => set("workflowType", event.target.value.trim())}
            onKeyDown={(event) => event.key === "Enter" && set("workflowType", event.currentTarget.value.trim())}
          />
        </label>
      </div>
      {data ? (
        <Drawn plot={data} window={window.title} />
      ) : error ? (
        <ErrorState
          title="The figures could not be read"
          error={error}
          action={
            <button type="button" className="button" onClick={() => void refetch()}>
              Ask again
            </button>
          }
        />
      ) : (
        <Loading what="the figures" />
      )}
    </div>
  );
}

function Drawn({ plot, window }: { plot: Answer; window: string }) {
  const utc = use(UtcContext);
  const at = (value: string | number) => {
    const text = exact(Number(value), utc);
    return plot.step >= 3_600_000 ? text.slice(5, 16) : text.slice(11, 19);
  };
  if (plot.buckets.every((bucket) => bucket.started === 0)) {
    return <EmptyState title={`No run began in the last ${window}`}>Choose a longer time, or another workflow.</EmptyState>;
  }
  return (
    <Suspense fallback={<Loading what="the plots" />}>
      {plot.truncated && <p className="banner warn">There are more runs than are counted here: the oldest of this time are left out.</p>}
      <Plot
        title="Runs by when they began"
        summary={throughputInWords(plot.buckets, window)}
        rows={plot.buckets}
        x="at"
        formatX={at}
        format={String}
        series={ENDS}
        kind="bars"
      />
      <Plot
        title="How long runs took"
        summary={latencyInWords(plot.buckets)}
        rows={plot.buckets}
        x="at"
        formatX={at}
        format={duration}
        series={LATENCIES}
        kind="lines"
      />
    </Suspense>
  );
}
