/** `${…}` in parameters: what may be named there, and what is renamed with a node. */
import { inputsOf, isMembers, nameOf, nodeById, referenceOf, type Graph, type GraphNode } from "./document";

const EXPRESSION = /\$\{([^{}]*)\}/g;

/** Members that name tasks by their references alone. */
const NAMES = new Set(["taskReferenceName", "joinOn", "defaultExclusiveJoinTask"]);
/** Members with scripts, where a task is `$.ref` or `$['ref']`. */
const SCRIPTS = new Set(["loopCondition"]);

/** The value with references called otherwise: in names, in expressions and in the condition of a loop. */
export function rename(value: unknown, renamed: ReadonlyMap<string, string>, member = ""): unknown {
  if (typeof value === "string") {
    if (NAMES.has(member)) return renamed.get(value) ?? value;
    const scripted = SCRIPTS.has(member) ? renamedScript(value, renamed) : value;
    return scripted.replaceAll(EXPRESSION, (whole, inner: string) => {
      const end = inner.search(/[.[]/);
      const reference = end < 0 ? inner : inner.slice(0, end);
      const fresh = renamed.get(reference);
      return fresh === undefined ? whole : `\${${fresh}${end < 0 ? "" : inner.slice(end)}}`;
    });
  }
  if (Array.isArray(value)) return value.map((each) => rename(each, renamed, member));
  if (!isMembers(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, rename(each, renamed, name)]));
}

function renamedScript(script: string, renamed: ReadonlyMap<string, string>): string {
  return script
    .replaceAll(/\$\.([A-Za-z_]\w*)/g, (whole, name: string) => (renamed.has(name) ? `$.${renamed.get(name)}` : whole))
    .replaceAll(/\$\[(['"])([^'"]*)\1\]/g, (whole, quote: string, name: string) =>
      renamed.has(name) ? `$[${quote}${renamed.get(name)}${quote}]` : whole,
    );
}

export interface Offer {
  /** What is put in, without `${` and `}`. */
  text: string;
  /** What it is. */
  about: string;
}

/** The nodes that have ended when this one begins: those that lead to it, and to the loops around it. */
export function earlier(graph: Graph, id: string): GraphNode[] {
  const before = new Map<string, string[]>();
  for (const edge of graph.edges) before.set(edge.target, [...(before.get(edge.target) ?? []), edge.source]);
  const found = new Set<string>();
  const start = nodeById(graph, id);
  const open: string[] = [];
  for (let at = start; at; at = at.parentId === undefined ? undefined : nodeById(graph, at.parentId)) {
    open.push(...(before.get(at.id) ?? []));
    // inside of a loop its own output tells the pass
    if (at.parentId !== undefined) found.add(at.parentId);
  }
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (found.has(at)) continue;
    found.add(at);
    open.push(...(before.get(at) ?? []));
  }
  return graph.nodes.filter((node) => found.has(node.id));
}

const RUN = ["workflowId", "workflowType", "version", "correlationId", "status"];

/** What an expression in this node may name; `made` tells the references that a documented kind becomes. */
export function offers(graph: Graph, id: string, made: Readonly<Record<string, readonly string[]>> = {}): Offer[] {
  const list: Offer[] = [
    ...inputsOf(graph).map((name) => ({ text: `workflow.input.${name}`, about: "input of the workflow" })),
    { text: "workflow.input", about: "whole input of the workflow" },
    { text: "workflow.variables", about: "variables of the workflow" },
    ...RUN.map((name) => ({ text: `workflow.${name}`, about: "of the workflow" })),
  ];
  for (const node of earlier(graph, id)) {
    const own = referenceOf(node);
    const all = own === "" ? (made[node.id] ?? []) : [own];
    for (const reference of all) {
      list.push({ text: `${reference}.output`, about: `output of ${nameOf(node)}` });
      if (node.id !== id) list.push({ text: `${reference}.input`, about: `input of ${nameOf(node)}` });
    }
  }
  return list;
}

/** The expression in which the caret stands: what is typed of it, and where it begins. */
export function openExpression(text: string, caret: number): { from: number; typed: string } | undefined {
  const from = text.lastIndexOf("${", caret);
  if (from < 0 || from + 2 > caret) return undefined;
  const typed = text.slice(from + 2, caret);
  return /[{}\s]/.test(typed) ? undefined : { from: from + 2, typed };
}

/** The text with an offer put in at the caret, closed, and where the caret then is. */
export function complete(text: string, caret: number, offer: string): { text: string; caret: number } {
  const open = openExpression(text, caret);
  if (!open) return { text, caret };
  const rest = text.slice(caret);
  const closed = /^[^${}\s]*\}/.exec(rest)?.[0];
  const behind = closed === undefined ? rest : rest.slice(closed.length);
  const put = `${text.slice(0, open.from)}${offer}}`;
  return { text: `${put}${behind}`, caret: put.length };
}
