import { useEffect, useMemo, useState } from "react";
import { layout, type Graph } from "../../model/graph";
import type { Direction, Drawn } from "../../model/layout";

/** A graph with the places of its nodes. */
export interface Picture extends Drawn {
  readonly graph: Graph;
  readonly direction: Direction;
}

/**
 * Lays a graph out. A graph of the same shape has its places at once; while one of another shape is laid out, the picture before it stays,
 * so that nothing flickers. Undefined until the first layout is there.
 */
export function usePicture(graph: Graph, direction: Direction | undefined): Picture | undefined {
  const [laid, setLaid] = useState<Picture>();
  const current = laid?.graph.shape === graph.shape && laid.direction === direction;
  useEffect(() => {
    if (current || direction === undefined) return;
    let asked = true;
    void layout(graph, direction).then((drawn) => asked && setLaid({ graph, direction, ...drawn }));
    return () => {
      asked = false;
    };
  }, [graph, current, direction]);
  return useMemo(() => (current ? { ...laid, graph } : laid), [laid, current, graph]);
}
