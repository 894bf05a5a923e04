/** Tidying up: what the layout is asked, and what it answers put into the document. */
import type { LayoutEdge, LayoutNode, Position } from "../layout";
import { choosesCase, isFork, isLoop, NODE_SIZE, type Graph, type GraphNode } from "./document";
import { LOOP_LEAST, move, type Size } from "./operations";

export function toLayout(graph: Graph): { nodes: LayoutNode[]; edges: LayoutEdge[] } {
  return {
    // branches keep the order in which they lie: the layout takes that of the list
    nodes: [...graph.nodes]
      .sort((a, b) => a.position.y - b.position.y)
      .map((node) => ({ id: node.id, ...sizeFor(node), parent: node.parentId })),
    edges: graph.edges.map(({ id, source, target }) => ({ id, source, target })),
  };
}

/** Room for what stands on an edge. */
const LABEL = 72;

function sizeFor(node: GraphNode): Size {
  if (isLoop(node)) return LOOP_LEAST;
  return choosesCase(node) || isFork(node) ? { ...NODE_SIZE, width: NODE_SIZE.width + LABEL } : NODE_SIZE;
}

/** Nodes that came since the question was asked stay where they are. */
export const arranged = (graph: Graph, positions: ReadonlyMap<string, Position>): Graph => move(graph, positions);
