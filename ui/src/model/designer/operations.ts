/** What can be done to a document. Each operation answers a new document and leaves the old one as it was; nodes that it does not touch stay the same objects. */
import { PADDING } from "../forest";
import {
  choosesCase,
  isFork,
  isLoop,
  NODE_SIZE,
  nodeById,
  without,
  type Graph,
  type GraphEdge,
  type GraphNode,
  type Members,
  type Point,
} from "./document";
import { freshId, references, withFreshReference } from "./names";

export interface Size {
  width: number;
  height: number;
}
export const LOOP_LEAST: Size = { width: 280, height: 150 };
const GAP = { x: 90, y: 40 } as const;

/** Of a loop: as large as what it holds, with the room that the layout leaves there. */
export function sizeOf(graph: Graph, node: GraphNode): Size {
  if (!isLoop(node)) return NODE_SIZE;
  let { width, height }: Size = LOOP_LEAST;
  for (const child of graph.nodes) {
    if (child.parentId !== node.id) continue;
    const size = sizeOf(graph, child);
    width = Math.max(width, child.position.x + size.width + PADDING.side);
    height = Math.max(height, child.position.y + size.height + PADDING.bottom);
  }
  return { width, height };
}

/** Where a node lies on the canvas itself. */
export function absolute(graph: Graph, node: GraphNode): Point {
  const parent = node.parentId === undefined ? undefined : nodeById(graph, node.parentId);
  if (!parent) return node.position;
  const at = absolute(graph, parent);
  return { x: at.x + node.position.x, y: at.y + node.position.y };
}

const withNodes = (graph: Graph, nodes: GraphNode[]): Graph => ({ ...graph, nodes });

/** In a loop nothing lies under its title or outside of it. */
function inside(point: Point): Point {
  return { x: Math.max(PADDING.side, point.x), y: Math.max(PADDING.top, point.y) };
}

export interface Added {
  graph: Graph;
  ids: string[];
}

/** Adds nodes with ids and references of their own; edges are between them, by their place in the list. */
export function add(
  graph: Graph,
  nodes: readonly Omit<GraphNode, "id">[],
  edges: readonly { from: number; to: number; data?: Members }[],
  now: number,
): Added {
  const taken = new Set<string>();
  const used = references(graph);
  const made = nodes.map((node) => {
    const id = freshId(graph, node.type, now, taken);
    taken.add(id);
    const named = withFreshReference({ ...node, id }, used);
    references({ ...graph, nodes: [named] }).forEach((reference) => used.add(reference));
    return named;
  });
  let next = withNodes(graph, [...graph.nodes, ...made]);
  for (const { from, to, data } of edges) {
    const source = made[from];
    const target = made[to];
    if (source && target) next = connect(next, source.id, target.id, data).graph;
  }
  return { graph: next, ids: made.map((node) => node.id) };
}

/** A place to the right of a node, else right of everything, that no other node covers. */
export function freePlace(graph: Graph, behind?: GraphNode): Point {
  const siblings = graph.nodes.filter((node) => node.parentId === behind?.parentId);
  let place: Point = { x: 80, y: 80 };
  if (behind) place = { x: behind.position.x + sizeOf(graph, behind).width + GAP.x, y: behind.position.y };
  else if (siblings.length > 0) {
    const right = Math.max(...siblings.map((node) => node.position.x + sizeOf(graph, node).width));
    place = { x: right + GAP.x, y: Math.min(...siblings.map((node) => node.position.y)) };
  }
  const covered = (at: Point) =>
    siblings.some((node) => {
      const size = sizeOf(graph, node);
      return (
        at.x < node.position.x + size.width &&
        node.position.x < at.x + NODE_SIZE.width &&
        at.y < node.position.y + size.height &&
        node.position.y < at.y + NODE_SIZE.height
      );
    });
  while (covered(place)) place = { x: place.x, y: place.y + NODE_SIZE.height + GAP.y };
  return place;
}

export type Refusal = string;

/** Why an edge may not be drawn. */
export function whyNotConnect(graph: Graph, source: string, target: string): Refusal | undefined {
  const from = nodeById(graph, source);
  const to = nodeById(graph, target);
  if (!from || !to) return "There is no such node.";
  if (source === target) return "A node does not lead to itself; for repetition there is the loop (DO_WHILE).";
  if (graph.edges.some((edge) => edge.source === source && edge.target === target) && !choosesCase(from) && !isFork(from)) {
    return "They are connected already.";
  }
  if (from.parentId !== to.parentId) return "An edge does not lead into a loop or out of it; connect the loop itself.";
  if (reaches(graph, target, source)) return "That would be a ring; for repetition there is the loop (DO_WHILE).";
  return undefined;
}

/** Whether a way along the edges leads from one node to another. */
export function reaches(graph: Graph, from: string, to: string): boolean {
  const next = new Map<string, string[]>();
  for (const edge of graph.edges) next.set(edge.source, [...(next.get(edge.source) ?? []), edge.target]);
  const seen = new Set<string>();
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === to) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    open.push(...(next.get(at) ?? []));
  }
  return false;
}

export function connect(graph: Graph, source: string, target: string, data?: Members): { graph: Graph; refused?: Refusal } {
  const refused = whyNotConnect(graph, source, target);
  if (refused !== undefined) return { graph, refused };
  const used = new Set(graph.edges.map((edge) => edge.id));
  const plain = `${source}-to-${target}`;
  let id = plain;
  for (let count = 2; used.has(id); count += 1) id = `${plain}-${count}`;
  const own = data ?? dataOfNewEdge(graph, source);
  const edge: GraphEdge = own ? { id, source, target, data: own } : { id, source, target };
  return { graph: { ...graph, edges: [...graph.edges, edge] } };
}

/** The first edge out of a choice is a case, so that the default is what is left; a branch of a fork is the next one. */
function dataOfNewEdge(graph: Graph, source: string): Members | undefined {
  const from = nodeById(graph, source);
  if (!from) return undefined;
  const out = graph.edges.filter((edge) => edge.source === source);
  if (isFork(from)) return { branch: out.length };
  if (!choosesCase(from)) return undefined;
  const cases = new Set(out.map(caseOf));
  let name = `case_${cases.size + 1}`;
  for (let count = cases.size + 1; cases.has(name); count += 1) name = `case_${count}`;
  return { case: name };
}

/** The case of an edge; blank and `default` are the default. */
export function caseOf(edge: GraphEdge): string {
  const value = edge.data?.["case"];
  return typeof value === "string" && value !== "" ? value : "default";
}

/** Removes nodes with what lies in them, and edges; also the edges of what is removed. */
export function remove(graph: Graph, ids: readonly string[]): Graph {
  const gone = new Set(ids);
  for (let before = -1; before !== gone.size; ) {
    before = gone.size;
    for (const node of graph.nodes) if (node.parentId !== undefined && gone.has(node.parentId)) gone.add(node.id);
  }
  const nodes = graph.nodes.filter((node) => !gone.has(node.id));
  const edges = graph.edges.filter((edge) => !gone.has(edge.id) && !gone.has(edge.source) && !gone.has(edge.target));
  if (nodes.length === graph.nodes.length && edges.length === graph.edges.length) return graph;
  return { ...graph, nodes, edges };
}

/** Puts nodes to places, as they are seen inside of their loop. */
export function move(graph: Graph, places: ReadonlyMap<string, Point>): Graph {
  let moved = false;
  const nodes = graph.nodes.map((node) => {
    const wanted = places.get(node.id);
    if (!wanted) return node;
    const rounded = { x: Math.round(wanted.x), y: Math.round(wanted.y) };
    const to = node.parentId === undefined ? rounded : inside(rounded);
    if (to.x === node.position.x && to.y === node.position.y) return node;
    moved = true;
    return { ...node, position: to };
  });
  return moved ? withNodes(graph, nodes) : graph;
}

/** The innermost loop at a place of the canvas, not counting these nodes and what is in them. */
export function loopAt(graph: Graph, at: Point, without: ReadonlySet<string>): GraphNode | undefined {
  let found: GraphNode | undefined;
  let depth = -1;
  for (const node of graph.nodes) {
    if (!isLoop(node) || within(graph, node, without)) continue;
    const corner = absolute(graph, node);
    const size = sizeOf(graph, node);
    const hit = at.x >= corner.x && at.y >= corner.y && at.x <= corner.x + size.width && at.y <= corner.y + size.height;
    const deep = depthOf(graph, node);
    if (hit && deep > depth) [found, depth] = [node, deep];
  }
  return found;
}

const depthOf = (graph: Graph, node: GraphNode): number => {
  const parent = node.parentId === undefined ? undefined : nodeById(graph, node.parentId);
  return parent ? depthOf(graph, parent) + 1 : 0;
};

/** Whether a node, or a loop around it, is one of these. */
export function within(graph: Graph, node: GraphNode, ids: ReadonlySet<string>): boolean {
  for (let at: GraphNode | undefined = node; at; at = at.parentId === undefined ? undefined : nodeById(graph, at.parentId)) {
    if (ids.has(at.id)) return true;
  }
  return false;
}

/** Takes nodes into a loop, or out of all loops; they stay where they are seen. Edges that would cross its border go. */
export function reparent(graph: Graph, ids: readonly string[], parentId: string | undefined): Graph {
  const wanted = new Set(ids);
  const parent = parentId === undefined ? undefined : nodeById(graph, parentId);
  if (parentId !== undefined && (!parent || !isLoop(parent) || within(graph, parent, wanted))) return graph;
  const corner = parent ? absolute(graph, parent) : { x: 0, y: 0 };
  let changed = false;
  const nodes = graph.nodes.map((node) => {
    if (!wanted.has(node.id) || node.parentId === parentId) return node;
    changed = true;
    const at = absolute(graph, node);
    const position = { x: at.x - corner.x, y: at.y - corner.y };
    const rest = without(node, "parentId");
    return parentId === undefined ? { ...rest, position } : { ...rest, position: inside(position), parentId };
  });
  if (!changed) return graph;
  const room = new Map(nodes.map((node) => [node.id, node.parentId]));
  const edges = graph.edges.filter((edge) => room.get(edge.source) === room.get(edge.target));
  return { ...graph, nodes, edges };
}

export function editNode(graph: Graph, id: string, edit: (data: Members) => Members): Graph {
  const nodes = graph.nodes.map((node) => {
    if (node.id !== id) return node;
    const data = edit(node.data);
    return data === node.data ? node : { ...node, data };
  });
  return nodes.every((node, at) => node === graph.nodes[at]) ? graph : withNodes(graph, nodes);
}

/** Gives an edge other data; empty data is none. */
export function editEdge(graph: Graph, id: string, edit: (data: Members) => Members): Graph {
  const edges = graph.edges.map((edge) => {
    if (edge.id !== id) return edge;
    const { data, ...rest } = edge;
    const next = edit(data ?? {});
    return Object.keys(next).length === 0 ? rest : { ...rest, data: next };
  });
  return { ...graph, edges };
}

/** Members of the workflow itself; undefined takes one away. */
export function editGraph(graph: Graph, members: Members): Graph {
  const next: Graph = { ...graph };
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) delete next[name];
    else next[name] = value;
  }
  return next;
}
