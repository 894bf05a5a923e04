/** Ids and names that nothing else in the document has. */
import { referenceOf, TASK, type Graph, type GraphNode, type Members } from "./document";

/** `<type>-<ms since 1970>` as documented; a second node of one millisecond counts on. */
export function freshId(graph: Graph, type: string, now: number, taken: ReadonlySet<string> = new Set()): string {
  const used = new Set(graph.nodes.map((node) => node.id));
  let at = now;
  while (used.has(`${type}-${at}`) || taken.has(`${type}-${at}`)) at += 1;
  return `${type}-${at}`;
}

/** The name itself, else with `_2`, `_3`, … A number that it ends with counts on. */
export function freshName(wanted: string, used: ReadonlySet<string>): string {
  if (!used.has(wanted)) return wanted;
  const stem = wanted.replace(/_\d+$/, "");
  for (let count = 2; ; count += 1) {
    const name = `${stem}_${count}`;
    if (!used.has(name)) return name;
  }
}

export const references = (graph: Graph): Set<string> =>
  new Set(graph.nodes.map(referenceOf).filter((reference) => reference !== ""));

/** The node with another reference where its own is taken. */
export function withFreshReference(node: GraphNode, used: ReadonlySet<string>): GraphNode {
  if (node.type !== TASK) return node;
  const reference = referenceOf(node);
  if (reference === "" || !used.has(reference)) return node;
  const task = { ...(node.data["task"] as Members), taskReferenceName: freshName(reference, used) };
  return { ...node, data: { ...node.data, task } };
}
