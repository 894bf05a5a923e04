/** What can be put on the canvas: the documented kinds, then Conductor's task types. */
import { isLoop, nodeById, TASK, type Graph, type GraphNode, type Point } from "./document";
import type { Kind } from "./kinds";
import { add, connect, freePlace, type Added } from "./operations";
import { freshTask, TASK_TYPES } from "./taskTypes";

export interface Item {
  /** The kind, or `task:` and the Conductor type. */
  id: string;
  label: string;
  group: string;
  help: string;
}

const TASK_MARK = `${TASK}:`;

export const items = (kinds: readonly Kind[]): Item[] => [
  ...kinds.map((kind) => ({ id: kind.type, label: kind.label, group: kind.group, help: kind.help ?? kind.type })),
  ...TASK_TYPES.map((type) => ({ id: `${TASK_MARK}${type.type}`, label: type.label, group: `Conductor: ${type.group}`, help: type.help })),
];

/** Those with all words in their name, group, type or help. */
export function search(all: readonly Item[], text: string): Item[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((item) => {
    const own = `${item.label} ${item.id} ${item.group} ${item.help}`.toLowerCase();
    return words.every((word) => own.includes(word));
  });
}

function nodesOf(id: string, kinds: readonly Kind[], position: Point): Omit<GraphNode, "id">[] {
  if (!id.startsWith(TASK_MARK)) {
    const fields = kinds.find((kind) => kind.type === id)?.fields ?? [];
    const data = Object.fromEntries(fields.filter((field) => field.default !== undefined).map((field) => [field.name, field.default]));
    return [{ type: id, position, data }];
  }
  const type = id.slice(TASK_MARK.length);
  const node = { type: TASK, position, data: { task: freshTask(type) } };
  // a fork without its join is refused by the engine: they come together
  if (type !== "FORK_JOIN" && type !== "FORK_JOIN_DYNAMIC") return [node];
  const apart = type === "FORK_JOIN" ? 660 : 320;
  return [node, { type: TASK, position: { x: position.x + apart, y: position.y }, data: { task: freshTask("JOIN") } }];
}

export interface Where {
  /** On the canvas itself. */
  at?: Point;
  /** In this loop; `at` is then inside of it. */
  parentId?: string;
  /** Behind this node, and connected with it. */
  behind?: string;
}

/** Puts an item of the palette onto the canvas. */
export function put(graph: Graph, id: string, kinds: readonly Kind[], where: Where, now: number): Added {
  const behind = where.behind === undefined ? undefined : nodeById(graph, where.behind);
  // what is added to a loop that holds nothing goes into it; else behind it
  const into = behind && isLoop(behind) && !graph.nodes.some((node) => node.parentId === behind.id) ? behind : undefined;
  const parentId = into?.id ?? where.parentId ?? behind?.parentId;
  const position = into ? { x: 36, y: 68 } : (where.at ?? freePlace(graph, behind));
  const nodes = nodesOf(id, kinds, position).map((node) => (parentId === undefined ? node : { ...node, parentId }));
  const dynamic = id === `${TASK_MARK}FORK_JOIN_DYNAMIC`;
  const made = add(graph, nodes, dynamic ? [{ from: 0, to: 1, data: {} }] : [], now);
  const first = made.ids[0];
  if (!behind || into || where.at !== undefined || first === undefined) return made;
  return { ...made, graph: connect(made.graph, behind.id, first).graph };
}
