/** Copying and pasting parts of documents, also between documents and between windows. */
import { isMembers, readGraph, taskOf, without, type Graph, type GraphNode, type Members } from "./document";
import { absolute, add, within } from "./operations";
import { freshName, references } from "./names";
import { rename } from "./expressions";

/** How text on the clipboard is known to be nodes. */
const MARK = "podium-nodes";
const OFFSET = 40;

/** These nodes with what lies in them and the edges between them; their places are of the canvas. */
export function copy(graph: Graph, ids: readonly string[]): Graph {
  const wanted = new Set(ids);
  const nodes = graph.nodes.filter((node) => within(graph, node, wanted));
  const taken = new Set(nodes.map((node) => node.id));
  return {
    name: graph.name,
    description: "",
    ownerEmail: "",
    nodes: nodes.map((node): GraphNode => {
      if (node.parentId !== undefined && taken.has(node.parentId)) return node;
      return { ...without(node, "parentId"), position: absolute(graph, node) };
    }),
    edges: graph.edges.filter((edge) => taken.has(edge.source) && taken.has(edge.target)),
  };
}

export const toText = (part: Graph): string => JSON.stringify({ [MARK]: 1, nodes: part.nodes, edges: part.edges }, null, 2);

/** The nodes on a clipboard; nothing if it holds something else. */
export function fromText(text: string): Graph | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isMembers(value) || value[MARK] !== 1) return undefined;
  try {
    return readGraph(value);
  } catch {
    return undefined;
  }
}

/**
 * Puts a copied part into a document, a little beside where it was: with ids and references of its own, and with the expressions inside of it
 * leading to its own nodes. Answers also the new ids of those that lie in no copied loop.
 */
export function paste(graph: Graph, part: Graph, now: number): { graph: Graph; ids: string[] } {
  const used = references(graph);
  const renamed = new Map<string, string>();
  for (const reference of references(part)) {
    const fresh = freshName(reference, new Set([...used, ...renamed.values()]));
    if (fresh !== reference) renamed.set(reference, fresh);
    used.add(fresh);
  }
  const places = part.nodes.map((node) => node.id);
  const nodes = part.nodes.map((copied) => {
    const node = without(copied, "id");
    const shifted = node.parentId === undefined ? { x: node.position.x + OFFSET, y: node.position.y + OFFSET } : node.position;
    return { ...node, position: shifted, data: renamedData(node, renamed) };
  });
  const made = add(
    graph,
    nodes,
    part.edges.map((edge) => {
      const ends = { from: places.indexOf(edge.source), to: places.indexOf(edge.target) };
      return edge.data ? { ...ends, data: edge.data } : ends;
    }),
    now,
  );
  const fresh = new Map(places.map((id, at) => [id, made.ids[at] as string]));
  const ids = new Set(made.ids);
  // the copies of what lay in a copied loop lie in the copy of the loop
  const placed = made.graph.nodes.map((node) => {
    if (!ids.has(node.id) || node.parentId === undefined) return node;
    return { ...node, parentId: fresh.get(node.parentId) ?? node.parentId };
  });
  return {
    graph: { ...made.graph, nodes: placed },
    ids: placed.filter((node) => ids.has(node.id) && node.parentId === undefined).map((node) => node.id),
  };
}

function renamedData(node: Omit<GraphNode, "id">, renamed: ReadonlyMap<string, string>): Members {
  const task = taskOf({ ...node, id: "" });
  if (!task || renamed.size === 0) return node.data;
  return { ...node.data, task: rename(task, renamed) as Members };
}
