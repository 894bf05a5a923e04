import { useMemo } from "react";
import { useNavigate } from "react-router";
import { useRecent } from "../../api/queries/definitions";
import { liveUrl, useLive } from "../../api/live";
import { keys } from "../../api/keys";
import { grid } from "../../model/grid";
import { links } from "../../model/links";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { RunGrid } from "../../widgets/RunGrid";
import { Age } from "../../widgets/Age";
import { useParam } from "../../app/useParam";

const LIMITS = [25, 50, 100];

/** The last runs as columns, the tasks as rows: since when does which task fail. */
export function GridTab({ name, version, onStart }: { name: string; version: number | undefined; onStart: () => void }) {
  const [shown, setShown] = useParam("limit", "25");
  const limit = LIMITS.find((each) => String(each) === shown) ?? 25;
  const recent = useRecent(name, { version, limit });
  const refresh = useMemo(() => [[...keys.definition(name), "recent"]], [name]);
  useLive(liveUrl(), ["runs"], refresh);
  const navigate = useNavigate();
  // what runs is measured until the data came; the next data moves it on
  const made = useMemo(() => (recent.data ? grid(recent.data, recent.dataUpdatedAt) : undefined), [recent.data, recent.dataUpdatedAt]);

  if (recent.error && !made) {
    const again = (
      <button type="button" className="button" onClick={() => void recent.refetch()}>
        Ask for them again
      </button>
    );
    return <ErrorState title="The last runs could not be loaded" error={recent.error} action={again} />;
  }
  if (!made) return <Loading what="the last runs" />;
  if (made.columns.length === 0) {
    const start = (
      <button type="button" className="button main" onClick={onStart}>
        Start a run
      </button>
    );
    return (
      <EmptyState title={version === undefined ? "It has not run yet" : `Version ${version} has not run yet`} action={start}>
        The last runs stand here as columns, with a mark for each task.
      </EmptyState>
    );
  }
  return (
    <>
      <div className="row">
        <label className="row soft">
          Runs shown
          <select value={limit} onChange={(event) => setShown(event.target.value)}>
            {LIMITS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        {recent.data?.truncated && <span className="tone-warn">These runs have more tasks than are counted here: marks may be missing.</span>}
        <span className="grow" />
        <Age at={recent.dataUpdatedAt} failed={recent.error} />
      </div>
      <RunGrid
        grid={made}
        label={`The last ${made.columns.length} runs of ${name} by task`}
        onOpen={(id, task) => void navigate(links.run(id, task === undefined ? {} : { task }))}
      />
    </>
  );
}
