import { lazy, Suspense, useCallback, useMemo } from "react";
import { Link, useParams } from "react-router";
import { ApiFailure } from "../../api/client";
import { keys } from "../../api/keys";
import { liveUrl, useLive } from "../../api/live";
import { useOverview } from "../../api/queries/run";
import { useCommands, type Command } from "../../app/commands";
import type { Folds as DiagramFolds } from "../../model/folds";
import { links } from "../../model/links";
import type { Overview } from "../../model/run";
import { Boundary } from "../../widgets/Boundary";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState, words } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { useRunCommands } from "../operations/menus";
import { AccountView } from "./AccountView";
import { TaskPane } from "./pane/TaskPane";
import { looked } from "./pane/which";
import { RunHeader } from "./RunHeader";
import { RunJson } from "./RunJson";
import { useFolds, type Folds } from "./outline";
import type { Select } from "./select";
import { RUN_VIEWS, useSelection, type Change, type Selection } from "./selection";
import { Split } from "./Split";
import { TaskList } from "./tasks/TaskList";
import { RunTimeline } from "./timeline/RunTimeline";
import { WaitsPanel } from "./WaitsPanel";
import "./run.css";

const loadDiagram = () => import("./diagram/RunDiagram");
const RunDiagram = lazy(() => loadDiagram().then((module) => ({ default: module.RunDiagram })));
// the diagram is the first view, so its code is fetched while the run is asked for; beside another one once there is time
const fetchDiagram = () => void loadDiagram().catch(() => undefined);
if ((new URLSearchParams(location.search).get("view") ?? "diagram") === "diagram") fetchDiagram();
else setTimeout(fetchDiagram, 1000);

/** One run: how it stands, why, and everything that is in it. */
export default function RunView() {
  const { workflowId = "" } = useParams();
  return <Run key={workflowId} id={workflowId} />;
}

function Run({ id }: { id: string }) {
  const overview = useOverview(id);
  const { data, error, isPending } = overview;
  // an ended run is watched too: somebody else may take it up again
  const live = useLive(liveUrl(id), ["run", "gone"], [keys.run(id)]);
  const gone = error instanceof ApiFailure && error.status === 404;
  if (data === undefined) {
    if (gone) return <Gone id={id} />;
    if (error) return <NoAnswer error={error} again={() => void overview.refetch()} />;
    return <div className="page">{isPending && <Loading what="the run" />}</div>;
  }
  const fresh = { at: overview.dataUpdatedAt, live, failing: error !== null && !gone, gone };
  return (
    <div className="run">
      <RunHeader head={data.workflow} fresh={fresh} />
      {error && (
        <p className="banner warn" role="alert">
          {gone
            ? "This run is no longer there: it may have been archived or removed. What follows is what was last known of it."
            : `${words(error)} What follows is what was last known.`}
        </p>
      )}
      <WaitsAndViews overview={data} gone={gone} />
    </div>
  );
}

function WaitsAndViews({ overview, gone }: { overview: Overview; gone: boolean }) {
  const [selection, change] = useSelection();
  const folds = useFolds(selection.rows, useCallback((rows) => change({ rows }), [change]));
  useRunCommands(overview.workflow, useMemo(() => (selection.run === undefined ? looked(overview, selection)?.row : undefined), [overview, selection]));
  const select = useCallback<Select>((task, attempt, run) => change({ task, attempt, run }), [change]);
  useCommands(
    useMemo<Command[]>(
      () => [
        ...RUN_VIEWS.map(({ view, title, keys: key }) => ({
          id: `run.view.${view}`,
          title: view === "json" ? "Show the run as JSON" : `Show the ${title.toLowerCase()} of the run`,
          group: "Run",
          keys: key,
          run: () => change({ view }),
        })),
        { id: "run.deselect", title: "Select the run instead of a task", group: "Run", keys: "Escape", run: () => change({ task: undefined, attempt: undefined, run: undefined }) },
      ],
      [change],
    ),
  );
  return (
    <>
      {!gone && (
        <Boundary what="why it waits">
          <WaitsPanel overview={overview} onSelect={select} />
        </Boundary>
      )}
      <nav className="tabs run-tabs" aria-label="Views of the run">
        {RUN_VIEWS.map(({ view, title }) => (
          <button
            key={view}
            type="button"
            className="tab"
            data-state={selection.view === view ? "active" : "inactive"}
            aria-current={selection.view === view ? "page" : undefined}
            onClick={() => change({ view })}
          >
            {title}
          </button>
        ))}
      </nav>
      <Split
        above={
          <section className="run-view" aria-label={RUN_VIEWS.find(({ view }) => view === selection.view)?.title}>
            <Boundary key={selection.view} what="this view">
              <Suspense fallback={<Loading what="the view" />}>
                <View overview={overview} selection={selection} select={select} folds={folds} change={change} />
              </Suspense>
            </Boundary>
          </section>
        }
        below={
          <Boundary key={selection.task ?? ""} what="this task">
            <TaskPane overview={overview} selection={selection} onChange={change} />
          </Boundary>
        }
      />
    </>
  );
}

interface ViewProps {
  overview: Overview;
  selection: Selection;
  select: Select;
  folds: Folds;
  change: (change: Change) => void;
}

function View({ overview, selection, select, folds, change }: ViewProps) {
  const onFolds = useCallback((folds: DiagramFolds) => change({ folds }), [change]);
  switch (selection.view) {
    case "diagram":
      return <RunDiagram overview={overview} selected={selection.task} run={selection.run} onSelect={select} folds={selection.folds} onFolds={onFolds} />;
    case "json":
      return <RunJson overview={overview} />;
    case "account":
      return <AccountView overview={overview} onSelect={select} />;
    case "timeline":
      return <RunTimeline overview={overview} folds={folds} selection={selection} select={select} onChange={change} />;
    case "tasks":
      return <TaskList overview={overview} folds={folds} selection={selection} select={select} onChange={change} />;
  }
}

function Gone({ id }: { id: string }) {
  return (
    <div className="page">
      <h1>Run</h1>
      <EmptyState title="There is no such run" action={<Link to={links.runs()}>Go to the runs</Link>}>
        The run <code>{id}</code> may have been archived or removed, or its id is not whole.
      </EmptyState>
    </div>
  );
}

function NoAnswer({ error, again }: { error: unknown; again: () => void }) {
  return (
    <div className="page">
      <h1>Run</h1>
      <ErrorState
        title="The run could not be asked for"
        error={error}
        action={
          <button type="button" className="button" onClick={again}>
            Ask again
          </button>
        }
      />
    </div>
  );
}
