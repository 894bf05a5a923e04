/**
 * Where the nodes of a graph lie. Depends on ids, sizes, nesting and edges only, never on statuses, so that a run
 * that goes on keeps its picture; equal questions are answered from a cache.
 */
import type { ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api";
import { engine, giveUp } from "./elk";
import { GAP, PADDING, gridOf, lineage, sound, topOf, type Direction, type Forest, type LayoutEdge, type LayoutNode, type Position } from "./forest";
import { quickPositions } from "./quickLayout";

export type { Direction, LayoutEdge, LayoutNode, Position, Positions } from "./forest";

/** The height of a text at an edge. */
const LABEL = 18;
/** Above this many nodes the engine takes seconds; the quick layout draws the same structure, less prettily. */
const ENGINE_NODES = 1_200;
/** An engine that has not answered after this long is given up. */
const PATIENCE = 6_000;
const KEPT = 60;
/** Positions, and the ways of the edges in the coordinates of the whole picture. Edges without one are drawn straight. */
export interface Drawn {
  readonly positions: Map<string, Position>;
  readonly routes: ReadonlyMap<string, Route>;
}
export interface Route {
  readonly corners: readonly Point[];
  /** The middle of the text. */
  readonly label: Point | undefined;
}
export interface Point {
  readonly x: number;
  readonly y: number;
}
const cache = new Map<string, Promise<Drawn>>();

/**
 * Positions for all nodes whose id is new. Edges that name a node which is not there are left out; a container that
 * is not there, or that would contain itself, counts as none. Never fails: where the engine does, or takes too long,
 * the quick layout answers. Containers take the size of their children; `width` and `height` of a container are its least.
 */
export async function layoutPositions(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  direction: Direction,
): Promise<Map<string, Position>> {
  return (await layoutDrawn(nodes, edges, direction)).positions;
}

/** The same with the ways of the edges; equal questions have the same answer, as an object. */
export function layoutDrawn(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[], direction: Direction): Promise<Drawn> {
  const key = layoutKey(nodes, edges, direction);
  let known = cache.get(key);
  if (known) cache.delete(key);
  else known = drawn(nodes, edges, direction);
  cache.set(key, known);
  for (const old of cache.keys()) {
    if (cache.size <= KEPT) break;
    cache.delete(old);
  }
  return known;
}

/** Everything that the layout depends on, as text. */
export function layoutKey(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[], direction: Direction): string {
  return JSON.stringify([
    direction,
    nodes.map((node) => [node.id, node.width, node.height, node.parent ?? 0, node.columns ?? 0, node.title ?? 0]),
    edges.map((edge) => [edge.id, edge.source, edge.target, edge.labelWidth ?? 0]),
  ]);
}

async function drawn(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[], direction: Direction): Promise<Drawn> {
  const forest = sound(nodes, edges);
  const quick = (): Drawn => ({ positions: quickPositions(forest, direction), routes: new Map() });
  if (forest.nodes.length === 0 || forest.nodes.length > ENGINE_NODES || chained(forest)) return quick();
  try {
    return await inEngine(forest, direction);
  } catch {
    giveUp();
    return quick();
  }
}

/** The text lies on its line. */
const INLINE = { "elk.edgeLabels.inline": "true" };
const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.spacing.nodeNode": String(GAP.beside),
  "elk.layered.spacing.nodeNodeBetweenLayers": String(GAP.between),
  "elk.spacing.edgeNode": "18",
  "elk.spacing.edgeEdge": "12",
  // branches keep the order in which the definition names them
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  // the first tasks of all branches stand beside each other
  "elk.layered.layering.strategy": "LONGEST_PATH_SOURCE",
  "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF",
  "elk.layered.nodePlacement.bk.fixedAlignment": "BALANCED",
  "elk.layered.spacing.edgeNodeBetweenLayers": "14",
};

/** Nothing but chains: both layouts would say the same, and this way nobody waits for the engine to start. Large runs, folded, are such. */
function chained(forest: Forest): boolean {
  const [left, entered] = [new Set<string>(), new Set<string>()];
  for (const edge of forest.edges) {
    if (edge.labelWidth || left.has(edge.source) || entered.has(edge.target)) return false;
    if (forest.parentOf.get(edge.source) !== forest.parentOf.get(edge.target)) return false;
    left.add(edge.source);
    entered.add(edge.target);
  }
  // several chains beside each other are for the engine, but a grid has none
  for (const [container, nodes] of forest.children) {
    if (forest.byId.get(container)?.columns !== undefined) continue;
    if (nodes.filter((node) => !entered.has(node.id)).length !== 1) return false;
  }
  return true;
}

async function inEngine(forest: Forest, direction: Direction): Promise<Drawn> {
  const found = new Map<string, Position>();
  const edgesIn = new Map<string, ElkExtendedEdge[]>();
  const names = new Map<string, string>();
  let crossing = false;
  const inRows = (line: readonly string[]): boolean => line.slice(0, -1).some((id) => forest.byId.get(id)?.columns !== undefined);
  for (const edge of forest.edges) {
    const from = lineage(edge.source, forest.parentOf);
    const to = lineage(edge.target, forest.parentOf);
    if (inRows(from) || inRows(to)) continue;
    let depth = 0;
    while (depth < from.length - 1 && depth < to.length - 1 && from[depth] === to[depth]) depth += 1;
    crossing ||= from.length !== depth + 1 || to.length !== depth + 1;
    const home = from[depth - 1] ?? "";
    const list = edgesIn.get(home) ?? [];
    // ids of nodes and edges may be alike, which the engine does not bear
    const id = `edge ${names.size}`;
    names.set(id, edge.id);
    const labels = edge.labelWidth ? [{ id: `${id} text`, text: "-", width: edge.labelWidth, height: LABEL, layoutOptions: INLINE }] : [];
    list.push({ id, sources: [edge.source], targets: [edge.target], labels });
    edgesIn.set(home, list);
  }
  const options = {
    ...OPTIONS,
    "elk.direction": direction,
    // edges through the wall of a container need one layout over all levels, which takes longer
    "elk.hierarchyHandling": crossing ? "INCLUDE_CHILDREN" : "SEPARATE_CHILDREN",
  };
  const shape = (node: LayoutNode): ElkNode => {
    const inside = forest.children.get(node.id) ?? [];
    if (inside.length === 0) return { id: node.id, width: node.width, height: node.height };
    if (node.columns !== undefined) {
      const grid = gridOf(node, inside);
      for (const [id, at] of grid.at) found.set(id, at);
      return { id: node.id, width: grid.width, height: grid.height };
    }
    return {
      id: node.id,
      layoutOptions: {
        ...options,
        "elk.padding": `[top=${topOf(node)},left=${PADDING.side},bottom=${PADDING.bottom},right=${PADDING.side}]`,
        "elk.nodeSize.constraints": "MINIMUM_SIZE",
        "elk.nodeSize.minimum": `(${node.width},${node.height})`,
      },
      children: inside.map(shape),
      edges: edgesIn.get(node.id) ?? [],
    };
  };
  const root: ElkNode = {
    id: "",
    layoutOptions: { ...options, "elk.padding": "[top=0,left=0,bottom=0,right=0]" },
    children: (forest.children.get("") ?? []).map(shape),
    edges: edgesIn.get("") ?? [],
  };
  const elk = await engine();
  const routes = new Map<string, Route>();
  /** `origin` is the corner of the container: the engine counts from there. */
  const read = (laid: ElkNode, origin: Point): void => {
    for (const edge of laid.edges ?? []) {
      const section = (edge as ElkExtendedEdge).sections?.[0];
      if (!section) continue;
      const corners = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
      const text = edge.labels?.[0];
      routes.set(names.get(edge.id) ?? "", {
        corners: corners.map((corner) => ({ x: corner.x + origin.x, y: corner.y + origin.y })),
        label: text && { x: origin.x + (text.x ?? 0) + (text.width ?? 0) / 2, y: origin.y + (text.y ?? 0) + LABEL / 2 },
      });
    }
    for (const child of laid.children ?? []) {
      const container = forest.children.has(child.id);
      found.set(child.id, {
        x: child.x ?? 0,
        y: child.y ?? 0,
        ...(container ? { width: child.width ?? 0, height: child.height ?? 0 } : {}),
      });
      read(child, { x: origin.x + (child.x ?? 0), y: origin.y + (child.y ?? 0) });
    }
  };
  read(await inTime(elk.layout(root)), { x: 0, y: 0 });
  return { positions: found, routes };
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the layout engine did not answer in time")), PATIENCE);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
