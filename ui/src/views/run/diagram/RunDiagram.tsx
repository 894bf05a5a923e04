/** The diagram of a run: its definition with the statuses of its tasks, folded where it is large. */
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { allFolds, NO_FOLDS, revealing, withFold, withShown, type Folds } from "../../../model/folds";
import { foldsParameters } from "../../../model/foldsAddress";
import { graph as draw, type Children, type Graph } from "../../../model/graph";
import type { Overview } from "../../../model/run";
import { indexOf } from "../../../model/runIndex";
import { runStatus, taskStatus } from "../../../model/status";
import { structureOf } from "../../../model/structure";
import { DrawingBoundary } from "../../../widgets/dag/DrawingBoundary";
import { Problems } from "../../../widgets/dag/Problems";
import { EmptyState } from "../../../widgets/EmptyState";
import { Loading } from "../../../widgets/Loading";
import { RawCards, type RawCard } from "../../../widgets/RawCards";
import { useAddressed } from "../useAddressed";
import { ChildRun } from "./ChildRun";

const loadCanvas = () => import("../../../widgets/DagCanvas");
const DagCanvas = lazy(loadCanvas);
// fetched along with this, while the run is on its way
void loadCanvas().catch(() => undefined);

interface Props {
  overview: Overview;
  /** Reference name of the selected task, with its iteration. */
  selected?: string | undefined;
  /** The run of a sub-workflow that it belongs to; absent: this run. */
  run?: string | undefined;
  /** Without an attempt the latest is meant, also when there is a later one. */
  onSelect: (ref: string, taskId?: string, run?: string) => void;
  /** What the address says is folded. */
  folds: Folds;
  onFolds: (folds: Folds) => void;
}

export function RunDiagram(props: Props) {
  // what was folded belongs to one run
  return <Diagram key={props.overview.workflow.workflowId} {...props} />;
}

function Diagram({ overview, selected, run, onSelect, folds: addressed, onFolds }: Props) {
  const tree = structureOf(overview.definition);
  const index = indexOf(tree, overview.tasks);
  const [folds, setFolds] = useFolds(overview.workflow.workflowId, addressed);
  useAddressed(folds, addressed, foldsParameters, onFolds);
  const [children, setChildren] = useState<Children>(new Map());
  const told = useCallback((id: string, answer: Overview | string) => setChildren((known) => new Map(known).set(id, answer)), []);

  // a task that is selected elsewhere comes into view, whatever is folded around it
  const revealed = useRef<string>(undefined);
  useEffect(() => {
    // what is in a sub-workflow can only be seen, and selected here, once that is open
    const own = run === undefined ? selected : undefined;
    if (own === revealed.current) return;
    revealed.current = own;
    if (own !== undefined) setFolds((before) => revealing(before, tree, index, own));
  }, [selected, run, tree, index, setFolds]);

  const before = useRef<Graph>(undefined);
  const picture = useMemo(() => draw(tree, { overview, children }, folds, before.current), [tree, overview, children, folds]);
  useEffect(() => {
    before.current = picture;
  }, [picture]);
  const opened = useMemo(() => {
    const ids = picture.nodes.flatMap((node) => (node.card.fold === "open" && node.card.child ? [node.card.child] : []));
    return [...new Set(ids)];
  }, [picture]);

  if (picture.nodes.length === 0) return <Nothing overview={overview} onSelect={onSelect} />;
  return (
    <div className="dag-frame">
      <Problems problems={tree.problems} />
      <DrawingBoundary of={picture} instead={<AsCards overview={overview} onSelect={onSelect} />}>
        <Suspense fallback={<Loading what="the diagram" />}>
          <DagCanvas
            graph={picture}
            selected={selected}
            selectedRun={run}
            onSelect={(ref, of) => onSelect(ref, undefined, of)}
            onFold={(id, open) => setFolds((old) => withFold(old, id, open))}
            onFoldAll={(open) => setFolds((old) => allFolds(old, tree, open))}
            onShow={(id, part) => setFolds((old) => withShown(old, id, part))}
            label={`Diagram of ${overview.workflow.workflowName}, ${runStatus(overview.workflow.status).label.toLowerCase()}`}
          />
        </Suspense>
      </DrawingBoundary>
      {opened.map((id) => (
        <ChildRun key={id} id={id} stamp={overview.workflow.version} onAnswer={told} />
      ))}
    </div>
  );
}

/** Folds of the last runs, so that going to another tab and back finds them as they were. */
const remembered = new Map<string, Folds>();
const REMEMBERED = 20;

function useFolds(id: string, addressed: Folds): [Folds, (change: (before: Folds) => Folds) => void] {
  const [folds, setFolds] = useState(() => (addressed === NO_FOLDS ? remembered.get(id) : addressed) ?? NO_FOLDS);
  useEffect(() => {
    remembered.delete(id);
    remembered.set(id, folds);
    for (const old of remembered.keys()) {
      if (remembered.size <= REMEMBERED) break;
      remembered.delete(old);
    }
  }, [id, folds]);
  return [folds, setFolds];
}

function Nothing({ overview, onSelect }: Pick<Props, "overview" | "onSelect">) {
  if (overview.tasks.length > 0) return <AsCards overview={overview} onSelect={onSelect} />;
  const { tasks, ...rest } = overview.definition;
  const empty = Array.isArray(tasks) && tasks.length === 0;
  return (
    <>
      <EmptyState title="Nothing to draw">
        {empty ? "The definition of this run has no tasks." : "The definition of this run cannot be read as a list of tasks. This is how it came:"}
      </EmptyState>
      {!empty && <RawCards label="Definition" cards={[{ key: "definition", title: overview.workflow.workflowName, source: { tasks, ...rest } }]} />}
    </>
  );
}

/** So many at most: the task list has them all. */
const CARDS = 500;

function AsCards({ overview, onSelect }: Pick<Props, "overview" | "onSelect">) {
  const cards: RawCard[] = overview.tasks.slice(0, CARDS).map((task) => ({
    key: task.taskId,
    title: task.referenceTaskName || task.taskId,
    type: task.taskType,
    status: taskStatus(task.status),
    onSelect: () => onSelect(task.referenceTaskName, task.taskId),
  }));
  return (
    <>
      <p className="dag-problems">
        This run cannot be drawn as a diagram. Its tasks as they are
        {overview.tasks.length > CARDS ? `, the first ${CARDS} of ${overview.tasks.length.toLocaleString("en")}` : ""}:
      </p>
      <RawCards label="Tasks of the run" cards={cards} />
    </>
  );
}
