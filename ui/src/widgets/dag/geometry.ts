/** Rectangles of a picture: where they are in the whole of it, and who is whose neighbour. */
import type { Graph, GraphNode } from "../../model/graph";
import type { Direction, Positions } from "../../model/layout";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Absolute boxes of all nodes that have a position. */
export function boxes(graph: Graph, positions: Positions): Map<string, Box> {
  const found = new Map<string, Box>();
  for (const node of graph.nodes) {
    const at = positions.get(node.id);
    if (!at) continue;
    // containers come before what they hold
    const outer = node.parent === undefined ? undefined : found.get(node.parent);
    found.set(node.id, {
      x: at.x + (outer?.x ?? 0),
      y: at.y + (outer?.y ?? 0),
      width: at.width ?? node.width,
      height: at.height ?? node.height,
    });
  }
  return found;
}

export function around(all: Iterable<Box>): Box | undefined {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const box of all) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  }
  return left === Infinity ? undefined : { x: left, y: top, width: right - left, height: bottom - top };
}

export type Way = "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

/** Whether one can go to it by keys: start and end are marks, not tasks. */
export const reachable = (node: GraphNode): boolean => node.card.kind !== "start" && node.card.kind !== "end" && node.card.kind !== "wait";

/** Where the title of a node is: a container is met at its top, so that one can go into it and out again. */
function heart(node: GraphNode, box: Box): { x: number; y: number } {
  return { x: box.x + box.width / 2, y: node.container ? box.y + 20 : box.y + box.height / 2 };
}

/** The next task in a direction: along the lines where one leads there, else the nearest that is not far to the side. */
export function neighbour(graph: Graph, at: ReadonlyMap<string, Box>, from: string, way: Way, direction: Direction): string | undefined {
  const [forward, back] = direction === "DOWN" ? ["ArrowDown", "ArrowUp"] : ["ArrowRight", "ArrowLeft"];
  const linked = way === forward ? following(graph, from, true) : way === back ? following(graph, from, false) : undefined;
  return linked ?? nearest(graph, at, from, way);
}

/** What comes next, or before, on the way that was taken; into a container by its first task, out of it by its last. */
function following(graph: Graph, from: string, forward: boolean): string | undefined {
  const node = graph.nodes.find((each) => each.id === from);
  if (!node) return undefined;
  if (forward && node.container) {
    const first = graph.nodes.find((each) => each.parent === from && reachable(each));
    if (first) return first.id;
  }
  for (let at: GraphNode | undefined = node; at; ) {
    const here: GraphNode = at;
    const ways = graph.edges.filter((edge) => (forward ? edge.source : edge.target) === here.id);
    const ends = ways.toSorted((a, b) => Number(b.lit) - Number(a.lit)).map((edge) => (forward ? edge.target : edge.source));
    const next = ends.find((id) => graph.nodes.some((each) => each.id === id && reachable(each)));
    if (next !== undefined) return next;
    if (ways.length > 0) return undefined;
    const outer: GraphNode | undefined = graph.nodes.find((each) => each.id === here.parent);
    // in rows every task is alike first and last: there only the eye leads on
    if (!outer || outer.columns !== undefined) return undefined;
    if (!forward) return outer.id;
    at = outer;
  }
  return undefined;
}

function nearest(graph: Graph, at: ReadonlyMap<string, Box>, from: string, way: Way): string | undefined {
  const start = graph.nodes.find((node) => node.id === from);
  const box = at.get(from);
  if (!start || !box) return undefined;
  const here = heart(start, box);
  let best: string | undefined;
  let least = Infinity;
  for (const node of graph.nodes) {
    const other = at.get(node.id);
    if (!other || node.id === from || !reachable(node)) continue;
    const there = heart(node, other);
    const [dx, dy] = [there.x - here.x, there.y - here.y];
    const [along, aside] = way === "ArrowUp" ? [-dy, dx] : way === "ArrowDown" ? [dy, dx] : way === "ArrowLeft" ? [-dx, dy] : [dx, dy];
    if (along <= 8) continue;
    const cost = along + 2.5 * Math.abs(aside);
    if (cost < least) [best, least] = [node.id, cost];
  }
  return best;
}
