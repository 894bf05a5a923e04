/**
 * A definition as a tree: sequences of items, and branches within them. One mapper per construct; whatever has no
 * mapper is a leaf, and what cannot be read becomes a raw card, so that nothing of a definition is lost.
 */

export type Kind = "task" | "fork" | "dynamicFork" | "switch" | "loop" | "subWorkflow" | "join" | "terminate" | "stretch" | "raw";

export interface Branch {
  readonly key: string;
  /** What is written at the way into it. */
  readonly label: string;
  /** Of a switch: the value that leads here, null for the default case. */
  readonly value?: string | null;
  readonly items: readonly Item[];
}

export interface Item {
  /** Unique in the tree; the reference name, unless that stands in it twice. */
  readonly key: string;
  /** The reference name; empty if it has none. */
  readonly ref: string;
  readonly name: string;
  readonly type: string;
  readonly kind: Kind;
  readonly optional: boolean;
  /** Branches of a fork, cases of a switch (default last), the one body of a loop or a stretch. */
  readonly branches: readonly Branch[];
  /** One line about it: the condition of a loop, the workflow of a sub-workflow. */
  readonly detail: string;
  /** The definition of a sub-workflow, where it is written out in place. */
  readonly inline?: unknown;
  /** The task as it was given. */
  readonly source: unknown;
}

export interface Problem {
  /** The item that it is about, if there is one. */
  readonly key?: string;
  readonly text: string;
}

export interface Tree {
  readonly name: string;
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
  /** How many tasks the definition has. */
  readonly size: number;
  /** The first item with each reference name. */
  readonly byRef: ReadonlyMap<string, Item>;
  /** The item around each item that is not at the top, by key. */
  readonly around: ReadonlyMap<string, Item>;
}

/** Leaves that are known by name; any other type is a worker's own, and is shown as it is written. */
const LEAVES = new Set([
  "SIMPLE", "DYNAMIC", "HTTP", "EVENT", "WAIT", "HUMAN", "NOOP", "INLINE", "LAMBDA", "SET_VARIABLE", "JSON_JQ_TRANSFORM",
  "KAFKA_PUBLISH", "START_WORKFLOW", "PULL_WORKFLOW_MESSAGES",
]); // prettier-ignore

/** Keys of nodes that stand for no item: a reference name that is the same gets another key. */
export const START = "start";
export const END = "end";
export const LOOSE = "loose tasks";
const RESERVED = [START, END, LOOSE];

/** The id of something within something else; the separator is in no name that people write. */
export const within = (outer: string, inner: string): string => `${outer}\u001f${inner}`;

/** Deeper nesting than this is not a workflow that anybody drew; what lies below is shown raw. */
const DEPTH = 60;
/** A sequence longer than this is cut into stretches that fold. */
const LONG = 150;
const STRETCH = 50;

type Fields = Readonly<Record<string, unknown>>;
/** What a construct adds to the common members of an item. */
interface Construct {
  kind: Kind;
  branches?: Branch[];
  detail?: string;
  inline?: unknown;
}
type Mapper = (task: Fields, walk: Walk) => Construct;
/** Reads a nested list; `place` names it. */
type Walk = (list: unknown, place: string) => Item[];

const fields = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : typeof value === "number" ? String(value) : "");

const fork: Mapper = (task, walk) => ({
  kind: "fork",
  branches: list(task["forkTasks"]).map((branch, i) => ({ key: String(i), label: "", items: walk(branch, `branch ${i + 1}`) })),
});

const cases: Mapper = (task, walk) => ({
  kind: "switch",
  detail: text(task["expression"]) || text(task["caseExpression"]) || text(task["caseValueParam"]),
  branches: [
    ...Object.entries(fields(task["decisionCases"]) ?? {}).map(([value, items]) => ({
      key: `=${value}`,
      label: value,
      value,
      items: walk(items, `case ${value}`),
    })),
    { key: "default", label: "default", value: null, items: walk(task["defaultCase"], "default case") },
  ],
});

const join: Mapper = (task) => {
  const on = list(task["joinOn"]).map(text).filter(Boolean);
  return { kind: "join", detail: on.length > 0 ? `of ${on.join(", ")}` : "" };
};

const MAPPERS: ReadonlyMap<string, Mapper> = new Map<string, Mapper>([
  ["FORK_JOIN", fork],
  ["FORK", fork],
  ["FORK_JOIN_DYNAMIC", (task) => ({ kind: "dynamicFork", detail: text(task["dynamicForkTasksParam"]) || text(task["dynamicForkJoinTasksParam"]) })],
  ["SWITCH", cases],
  ["DECISION", cases],
  [
    "DO_WHILE",
    (task, walk) => ({
      kind: "loop",
      detail: text(task["loopCondition"]),
      branches: [{ key: "body", label: "", items: walk(task["loopOver"], "body") }],
    }),
  ],
  [
    "SUB_WORKFLOW",
    (task) => {
      const sub = fields(task["subWorkflowParam"]) ?? {};
      const inline = fields(sub["workflowDefinition"]);
      const version = text(sub["version"]);
      const name = text(sub["name"]) || text(inline?.["name"]);
      return { kind: "subWorkflow", detail: version ? `${name} version ${version}` : name, ...(inline ? { inline } : {}) };
    },
  ],
  ["JOIN", join],
  ["EXCLUSIVE_JOIN", join],
  ["TERMINATE", (task) => ({ kind: "terminate", detail: text(fields(task["inputParameters"])?.["terminationStatus"]) })],
]);

/** Reads any value as a definition. Never fails: what is wrong is told in `problems`. */
export function structure(definition: unknown): Tree {
  const reader = new Reader();
  const top = fields(definition);
  const items = reader.read(top?.["tasks"], "tasks", 0);
  if (!top || !Array.isArray(top["tasks"])) reader.problems.push({ text: "The definition has no list of tasks." });
  else if (items.length === 0) reader.problems.push({ text: "The definition has no tasks." });
  const tree = { name: text(top?.["name"]), items, problems: reader.problems, size: reader.size, byRef: reader.byRef };
  return { ...tree, around: surroundings(items) };
}

const known = new WeakMap<object, Tree>();
/** The same, once per definition object. */
export function structureOf(definition: unknown): Tree {
  if (typeof definition !== "object" || definition === null) return structure(definition);
  let tree = known.get(definition);
  if (!tree) known.set(definition, (tree = structure(definition)));
  return tree;
}

class Reader {
  readonly problems: Problem[] = [];
  readonly byRef = new Map<string, Item>();
  size = 0;
  readonly #keys = new Set(RESERVED);

  read(value: unknown, place: string, depth: number): Item[] {
    if (value === null || value === undefined) return [];
    if (!Array.isArray(value)) return [this.#raw(value, `${place} is not a list of tasks`)];
    const items = (value as unknown[]).map((task) => this.#item(task, place, depth));
    items.forEach((item, i) => {
      const forks = item.kind === "fork" || item.kind === "dynamicFork";
      if (forks && items[i + 1]?.kind !== "join") this.problems.push({ key: item.key, text: `No JOIN follows the fork "${item.ref}".` });
    });
    return items.length > LONG ? this.#stretches(items) : items;
  }

  #item(value: unknown, place: string, depth: number): Item {
    const task = fields(value);
    if (!task) return this.#raw(value, `${place} holds something that is not a task`);
    if (depth > DEPTH) return this.#raw(value, `${place} is nested too deep to be drawn`);
    this.size += 1;
    const ref = text(task["taskReferenceName"]);
    const name = text(task["name"]) || ref;
    const type = text(task["type"]) || "SIMPLE";
    // the key is taken before the branches take theirs, so that the outer of two equal names keeps the plain one
    const key = this.#key(ref || `unnamed ${name || type}`);
    if (!ref) this.problems.push({ key, text: `A task of type ${type} has no reference name.` });
    else if (this.byRef.has(ref)) this.problems.push({ key, text: `The reference name "${ref}" stands for more than one task.` });
    const mapper = MAPPERS.get(type);
    const construct: Construct = mapper
      ? mapper(task, (items, where) => this.read(items, `${where} of ${ref || type}`, depth + 1))
      : { kind: LEAVES.has(type) ? "task" : "raw" };
    const item: Item = {
      key,
      ref,
      name,
      type,
      kind: construct.kind,
      optional: task["optional"] === true,
      branches: construct.branches ?? [],
      detail: construct.detail ?? "",
      ...(construct.inline === undefined ? {} : { inline: construct.inline }),
      source: value,
    };
    if (ref && !this.byRef.has(ref)) this.byRef.set(ref, item);
    return item;
  }

  #raw(value: unknown, why: string): Item {
    this.size += 1;
    const key = this.#key(`raw ${this.size}`);
    this.problems.push({ key, text: `${why}.` });
    return { key, ref: "", name: why, type: "", kind: "raw", optional: false, branches: [], detail: "", source: value };
  }

  #key(wanted: string): string {
    let key = wanted;
    for (let i = 2; this.#keys.has(key); i += 1) key = `${wanted} (${i})`;
    this.#keys.add(key);
    return key;
  }

  /** Cuts a long sequence; a fork stays with its join. */
  #stretches(items: readonly Item[]): Item[] {
    const cut: Item[][] = [[]];
    for (const item of items) {
      const current = cut.at(-1) ?? [];
      if (current.length >= STRETCH && item.kind !== "join") cut.push([item]);
      else current.push(item);
    }
    return cut.map((part) => {
      const [first, last] = [part[0]?.ref ?? "", part.at(-1)?.ref ?? ""];
      return {
        key: this.#key(`stretch ${first}`),
        ref: "",
        name: `${first} … ${last}`,
        type: `${part.length} steps`,
        kind: "stretch" as const,
        optional: false,
        branches: [{ key: "body", label: "", items: part }],
        detail: "",
        source: undefined,
      };
    });
  }
}

function surroundings(items: readonly Item[]): Map<string, Item> {
  const around = new Map<string, Item>();
  const walk = (inside: readonly Item[], outer: Item | undefined): void => {
    for (const item of inside) {
      if (outer) around.set(item.key, outer);
      for (const branch of item.branches) walk(branch.items, item);
    }
  };
  walk(items, undefined);
  return around;
}

/** Every item of a list and of all branches within it, outer ones first. */
export function* everyItem(items: readonly Item[]): Generator<Item> {
  for (const item of items) {
    yield item;
    for (const branch of item.branches) yield* everyItem(branch.items);
  }
}
