/** How a document comes into the editor. */
import { drawDefinition, keptGraph, registered } from "../../api/queries/designer";
import { layoutPositions } from "../../model/layout";
import { arranged, toLayout } from "../../model/designer/arrange";
import { emptyGraph, kindOfDocument, readGraph, type Graph } from "../../model/designer/document";

export interface Opened {
  graph: Graph;
}

/** A new document, or the one of a registered definition: the graph that was kept with it, else one that is drawn from it. */
export async function openDocument(name: string, version?: number, previous?: Graph): Promise<Opened> {
  if (name === "") return { graph: emptyGraph() };
  const kept = await keptGraph(name, version).catch(() => undefined);
  const inside = kept !== undefined && kindOfDocument(kept) === undefined ? (kept as { graph?: unknown } | null)?.graph : kept;
  if (kindOfDocument(inside) === "graph") return { graph: readGraph(inside) };
  const definition = await registered(name, version);
  // what was drawn here of the same tasks keeps its places
  return { graph: await drawn(definition, previous) };
}

/** The drawing of a definition; one that was never drawn before is laid out. */
async function drawn(definition: unknown, previous?: Graph): Promise<Graph> {
  const graph = readGraph((await drawDefinition(definition, previous)).graph);
  if (previous) return graph;
  const { nodes, edges } = toLayout(graph);
  return arranged(graph, await layoutPositions(nodes, edges, "RIGHT"));
}

/** A graph as it is, a definition drawn. Throws in words if it is neither. */
export async function readDocument(value: unknown): Promise<Graph> {
  const kind = kindOfDocument(value);
  if (kind === "graph") return readGraph(value);
  if (kind === "definition") return drawn(value);
  throw new Error("This is neither a workflow definition (with tasks) nor a graph (with nodes).");
}
