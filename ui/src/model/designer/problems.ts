/** What is wrong with a document, and where: found here at once, and told by the servers. */
import { isMembers, nameOf, referenceOf, taskOf, TASK, type Graph } from "./document";
import type { Kind } from "./kinds";

export interface Problem {
  message: string;
  /** The node that it is about. */
  node?: string;
  /** The member of the node that it is about, as a form calls it. */
  field?: string;
  /** It may stay so; nothing is refused for it. */
  mild?: boolean;
  /** Who found it. */
  from: "page" | "converter" | "engine";
}

/** How many stand in the way of a deployment. */
export const faultsOf = (problems: readonly Problem[]): number => problems.filter((problem) => !problem.mild).length;

/** What can be known without a server. */
export function localProblems(graph: Graph, kinds: readonly Kind[]): Problem[] {
  const found: Problem[] = [];
  const say = (message: string, node?: string, field?: string) =>
    found.push({ message, from: "page", ...(node === undefined ? {} : { node }), ...(field === undefined ? {} : { field }) });
  if (graph.name.trim() === "") say("The workflow has no name.");
  if (graph.nodes.length === 0) say("Nothing is drawn yet.");
  const known = new Set([TASK, ...kinds.map((kind) => kind.type)]);
  const seen = new Map<string, string>();
  for (const node of graph.nodes) {
    if (kinds.find((kind) => kind.type === node.type)?.dps && !node.data["dpserviceXml"]) {
      const message = "Its service XML is not saved: its service would be left out.";
      found.push({ message, node: node.id, from: "page", mild: true });
    }
    if (!known.has(node.type)) say(`Nobody knows nodes of the kind "${node.type}".`, node.id);
    const task = taskOf(node);
    if (!task) continue;
    const reference = referenceOf(node);
    if (reference === "") say("The task has no reference.", node.id, "taskReferenceName");
    else if (seen.has(reference)) say(`The reference ${reference} is there twice.`, node.id, "taskReferenceName");
    else seen.set(reference, node.id);
    if (typeof task["name"] !== "string" || task["name"] === "") say("The task has no name.", node.id, "name");
  }
  for (const id of ring(graph)) {
    const node = graph.nodes.find((each) => each.id === id);
    if (node) say(`${nameOf(node)} is in a ring of edges; for repetition there is the loop (DO_WHILE).`, id);
  }
  return found;
}

/** The nodes from which a way leads back to them, and those between such. */
export function ring(graph: Graph): string[] {
  const ids = new Set(graph.nodes.map((node) => node.id));
  const edges = graph.edges.filter((edge) => ids.has(edge.source) && ids.has(edge.target));
  // what nothing leads to is in no ring, nor what leads to nothing
  const forward = peeled(ids, edges.map((edge) => [edge.source, edge.target]));
  const left = peeled(forward, edges.filter((edge) => forward.has(edge.source) && forward.has(edge.target)).map((edge) => [edge.target, edge.source]));
  return [...left];
}

/** The nodes that are left when those go to which no edge of the others leads, again and again. */
function peeled(ids: ReadonlySet<string>, edges: readonly (readonly [string, string])[]): Set<string> {
  const waits = new Map<string, number>();
  const next = new Map<string, string[]>();
  for (const [from, to] of edges) {
    waits.set(to, (waits.get(to) ?? 0) + 1);
    const list = next.get(from);
    if (list) list.push(to);
    else next.set(from, [to]);
  }
  const left = new Set(ids);
  const open = [...ids].filter((id) => !waits.has(id));
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    left.delete(at);
    for (const to of next.get(at) ?? []) {
      const count = (waits.get(to) ?? 1) - 1;
      waits.set(to, count);
      if (count === 0) open.push(to);
    }
  }
  return left;
}

/** Which nodes became which tasks, as the converter tells. */
export type NodeMap = Readonly<Record<string, readonly string[]>>;

export const nodeOfReference = (nodes: NodeMap, reference: string): string | undefined =>
  Object.keys(nodes).find((id) => nodes[id]?.includes(reference));

interface Violation {
  path?: string;
  message: string;
  node?: string;
  code?: string;
}

/** The members that some of the converter's codes are about. */
const FIELDS: Readonly<Record<string, string>> = {
  no_reference: "taskReferenceName",
  duplicate_reference: "taskReferenceName",
  layout: "selectedLayoutId",
};

/** What the converter said; `path` is into the graph or into the data of the node. */
export function converterProblems(graph: Graph, violations: readonly Violation[]): Problem[] {
  const ids = new Set(graph.nodes.map((node) => node.id));
  return violations.map((violation) => {
    const said = violation.path?.replace(/^.*?\bdata\.(task\.)?/, "").replace(/^.*\]\.?/, "");
    const field = said || FIELDS[violation.code ?? ""];
    return {
      message: violation.message,
      from: "converter" as const,
      ...(violation.node !== undefined && ids.has(violation.node) ? { node: violation.node } : {}),
      ...(field ? { field } : {}),
    };
  });
}

/** What the engine said of the definition, at the nodes that made its tasks. */
export function engineProblems(definition: unknown, nodes: NodeMap, violations: readonly Violation[]): Problem[] {
  return violations.map((violation) => {
    const { reference, field } = placeOf(definition, violation);
    const node = reference === undefined ? undefined : nodeOfReference(nodes, reference);
    return {
      message: violation.message,
      from: "engine" as const,
      ...(node === undefined ? {} : { node }),
      ...(node === undefined || field === undefined ? {} : { field }),
    };
  });
}

const MESSAGE_NAMES = /task:? (?:name: )?(\S+?)(?: |$|\.|,)|taskReferenceName:? (\S+?)(?: |$|,)|taskName: (\S+)/g;

function placeOf(definition: unknown, violation: Violation): { reference?: string; field?: string } {
  const path = (violation.path ?? "").replace(/^validateWorkflowDef\.arg0\.?/, "").replace(/^[^.[]*\.arg0\.?/, "");
  let at: unknown = definition;
  let reference: string | undefined;
  let field: string | undefined;
  for (const part of path.matchAll(/[^.[\]]+/g)) {
    const name = part[0];
    at = Array.isArray(at) ? at[Number(name)] : isMembers(at) ? at[name] : undefined;
    if (isMembers(at) && typeof at["taskReferenceName"] === "string") {
      reference = at["taskReferenceName"];
      field = undefined;
    } else field = field === undefined ? name : `${field}.${name}`;
  }
  // some rules are of the whole task, and name the member in their words
  field ??= /^(\w+) field is required/.exec(violation.message)?.[1];
  if (reference !== undefined) return field === undefined ? { reference } : { reference, field };
  // rules over the whole definition name the task only in their words
  const known = referencesIn(definition);
  for (const match of violation.message.matchAll(MESSAGE_NAMES)) {
    const name = match.slice(1).find((text) => text !== undefined);
    if (name !== undefined && known.has(name)) return { reference: name };
  }
  return {};
}

/** All references of a definition, also of tasks inside of others. */
export function referencesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) value.forEach((each) => referencesIn(each, found));
  else if (isMembers(value)) {
    const own = value["taskReferenceName"];
    if (typeof own === "string") found.add(own);
    for (const [name, each] of Object.entries(value)) if (name !== "inputParameters") referencesIn(each, found);
  }
  return found;
}
