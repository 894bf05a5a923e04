/** A definition as a diagram, without a run. */
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { allFolds, NO_FOLDS, revealing, withFold, withShown } from "../model/folds";
import { graph as draw, type Graph } from "../model/graph";
import { structureOf } from "../model/structure";
import { DrawingBoundary } from "./dag/DrawingBoundary";
import { Problems } from "./dag/Problems";
import { Loading } from "./Loading";
import { RawCards } from "./RawCards";

const DagCanvas = lazy(() => import("./DagCanvas"));

interface Props {
  /** As the server gives it; whatever it is, it is shown. */
  definition: unknown;
  selected?: string | undefined;
  onSelect?: ((ref: string) => void) | undefined;
}

export function DefinitionDiagram({ definition, selected, onSelect }: Props) {
  const tree = structureOf(definition);
  const [folds, setFolds] = useState(NO_FOLDS);
  const revealed = useRef<string>(undefined);
  useEffect(() => {
    if (selected === revealed.current) return;
    revealed.current = selected;
    if (selected !== undefined) setFolds((before) => revealing(before, tree, undefined, selected));
  }, [selected, tree]);
  const before = useRef<Graph>(undefined);
  const picture = useMemo(() => draw(tree, undefined, folds, before.current), [tree, folds]);
  useEffect(() => {
    before.current = picture;
  }, [picture]);
  const raw = <RawCards label="Definition" cards={[{ key: "definition", title: tree.name || "Definition", source: definition }]} />;
  return (
    <div className="dag-frame">
      <Problems problems={tree.problems} />
      {picture.nodes.length === 0 ? (
        raw
      ) : (
        <DrawingBoundary of={picture} instead={raw}>
          <Suspense fallback={<Loading what="the diagram" />}>
            <DagCanvas
              graph={picture}
              selected={selected}
              onSelect={onSelect}
              onFold={(id, open) => setFolds((old) => withFold(old, id, open))}
              onFoldAll={(open) => setFolds((old) => allFolds(old, tree, open))}
              onShow={(id, part) => setFolds((old) => withShown(old, id, part))}
              label={`Diagram of ${tree.name || "the definition"}`}
            />
          </Suspense>
        </DrawingBoundary>
      )}
    </div>
  );
}
