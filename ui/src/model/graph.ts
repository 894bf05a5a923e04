/**
 * The picture of a run, or of a definition alone: nodes and edges from the tree, the tasks and what is folded. Nodes and edges that say
 * the same as in the picture before are the same objects, so a live tick draws only what changed.
 */
import { Tally, card, facts, many, sameCard, type Card, type Facts } from "./card";
import { PAGE, WIDE, foldable, foldedByDefault, isOpen, shownIteration, type Folds } from "./folds";
import { layoutDrawn, layoutKey, type Direction, type Drawn, type LayoutNode } from "./layout";
import type { Overview } from "./run";
import { forkKey, indexOf, latestOf, type Entry, type RunIndex } from "./runIndex";
import { NOT_REACHED, runStatus } from "./status";
import { END, LOOSE, START, structureOf, within, type Branch, type Item, type Tree } from "./structure";

export interface GraphNode extends LayoutNode {
  readonly card: Card;
  /** It holds other nodes. */
  readonly container: boolean;
}
export interface GraphEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly label: string;
  readonly labelWidth: number | undefined;
  readonly lit: boolean;
}
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Equal for pictures that are laid out alike, in the same direction. */
  readonly shape: string;
  /** Tasks that are folded away. */
  readonly hidden: number;
}

/** Runs of sub-workflows as far as they are known; a text says why one is not. */
export type Children = ReadonlyMap<string, Overview | string>;
export interface Run {
  readonly overview: Overview;
  readonly children?: Children | undefined;
}

export const CARD = { width: 232, height: 58, folding: 80 } as const;
/** Text at an edge: so wide for each letter, and at most. */
const LETTER = { width: 6.6, around: 14, most: 150 } as const;
const PILL = { width: 76, height: 28 } as const;
const ROWS = { columns: 6 } as const;
/** Sub-workflows within sub-workflows are opened in place as deep as this; deeper ones by their link. */
const NESTED = 4;

/** The picture. `before` is the one that it replaces. */
export function graph(tree: Tree, run: Run | undefined, folds: Folds, before?: Graph): Graph {
  const drawing = new Drawing(folds, run?.children);
  drawing.whole(tree, run?.overview);
  return kept(drawing, before);
}

/** Where the nodes of a picture lie. */
export const layout = (picture: Graph, direction: Direction): Promise<Drawn> =>
  layoutDrawn(picture.nodes, picture.edges, direction);

/** One run within the picture: the page's own, or that of a sub-workflow. */
interface Scope {
  readonly tree: Tree;
  readonly index: RunIndex | undefined;
  /** The id of one of its nodes. */
  readonly id: (key: string) => string;
  readonly parent: string | undefined;
  readonly iteration: number;
  /** Set in a sub-workflow: its run, empty if only its definition is known. */
  readonly run: string | null;
  readonly folded: ReadonlySet<string>;
  readonly depth: number;
}
/** A way out of what was drawn, to whatever comes next. */
interface Exit {
  readonly node: string;
  readonly label: string;
  readonly lit: boolean;
}

class Drawing {
  readonly nodes: GraphNode[] = [];
  readonly edges = new Map<string, GraphEdge>();
  hidden = 0;

  constructor(
    readonly folds: Folds,
    readonly children: Children | undefined,
  ) {}

  whole(tree: Tree, overview: Overview | undefined): void {
    const index = overview && indexOf(tree, overview.tasks);
    const scope: Scope = { tree, index, id: (key) => key, parent: undefined, iteration: 0, run: null, folded: foldedByDefault(tree, index), depth: 0 };
    if (tree.items.length > 0) {
      this.#pill(START, "start", "Start", true);
      const status = overview && runStatus(overview.workflow.status);
      const exits = this.#sequence(tree.items, [{ node: START, label: "", lit: true }], scope);
      if (exits.length > 0) {
        const lit = status === undefined || status.tone === "good";
        this.#pill(END, "end", "End", lit);
        for (const exit of exits) this.#edge(exit, END, lit);
      }
    }
    this.#loose(scope);
  }

  #pill(id: string, kind: "start" | "end", title: string, lit: boolean): void {
    this.nodes.push({ id, ...PILL, parent: undefined, columns: undefined, title: undefined, container: false, card: card({ kind, title, lit }) });
  }

  #node(id: string, scope: Scope, facts: Facts, container = false, columns?: number): void {
    const height = facts.fold ? CARD.folding : CARD.height;
    this.nodes.push({ id, width: CARD.width, height, parent: scope.parent, columns, title: container ? CARD.folding + 6 : undefined, container, card: card({ run: scope.run, ...facts }) });
  }

  #edge(exit: Exit, target: string, lit: boolean): void {
    const id = `${exit.node}>${target}`;
    const twin = this.edges.get(id);
    const label = [twin?.label, exit.label].filter(Boolean).join(", ");
    this.edges.set(id, {
      id,
      source: exit.node,
      target,
      label,
      labelWidth: label ? Math.min(LETTER.most, LETTER.around + LETTER.width * label.length) : undefined,
      lit: (twin?.lit ?? false) || (exit.lit && lit),
    });
  }

  #sequence(items: readonly Item[], from: readonly Exit[], scope: Scope): Exit[] {
    let exits = [...from];
    for (const item of items) {
      const entry = entryOf(item, scope);
      const about = facts(item, scope.index ? (entry?.attempts ?? []) : null);
      const lit = item.kind === "stretch" ? litWithin(item, scope) : (about.lit ?? true);
      const id = scope.id(item.key);
      for (const exit of exits) this.#edge(exit, id, lit);
      const told = { ...about, lit, ...(item.kind === "stretch" ? { status: null } : {}) };
      exits = this.#place(item, id, told, scope);
    }
    return exits;
  }

  /** Draws one item with all that is in it; gives the ways out. */
  #place(item: Item, id: string, about: Facts, scope: Scope): Exit[] {
    const ended = about.status === undefined || about.status === null || about.status.ended;
    const out: Exit = { node: id, label: "", lit: (about.lit ?? true) && ended };
    if (!foldable(item) || (item.kind === "dynamicFork" && !scope.index)) {
      this.#node(id, scope, about);
      return item.kind === "terminate" ? [] : [out];
    }
    if (item.kind === "subWorkflow") return this.#subWorkflow(item, id, about, scope, out);
    const open = isOpen(this.folds, id, item.key, scope.folded);
    if (item.kind === "dynamicFork") return this.#dynamicFork(item, id, about, scope, out, open);
    if (!open) {
      const tally = tallyWithin(item, scope);
      this.hidden += tally.total;
      const part = item.kind === "loop" && scope.index ? partOf(shownIteration(this.folds, id, item, scope.iteration, scope.index)) : null;
      const told = scope.index ? { counts: tally.counts(), part } : { detail: many(tally.total, "task") };
      this.#node(id, scope, { ...about, fold: "folded", ...told });
      return [out];
    }
    if (item.kind === "loop" || item.kind === "stretch") {
      this.#body(item, id, about, scope);
      return [out];
    }
    this.#node(id, scope, { ...about, fold: "open" });
    const exits = item.branches.flatMap((branch) => {
      const way: Exit = { node: id, label: branch.label, lit: out.lit && taken(item, branch, scope) };
      return this.#sequence(branch.items, [way], scope);
    });
    return exits;
  }

  #body(item: Item, id: string, about: Facts, scope: Scope): void {
    const looped = item.kind === "loop" && scope.index ? shownIteration(this.folds, id, item, scope.iteration, scope.index) : undefined;
    this.#node(id, scope, { ...about, fold: "open", part: looped ? partOf(looped) : null }, true);
    const inside = { ...scope, parent: id, iteration: looped?.shown ?? scope.iteration };
    for (const branch of item.branches) this.#sequence(branch.items, [], inside);
  }

  #dynamicFork(item: Item, id: string, about: Facts, scope: Scope, out: Exit, open: boolean): Exit[] {
    const branches = scope.index?.branches.get(forkKey(item.ref, scope.iteration)) ?? [];
    if (branches.length === 0) {
      this.#node(id, scope, about);
      return [out];
    }
    if (!open) {
      this.hidden += branches.length;
      this.#node(id, scope, { ...about, fold: "folded", counts: tallyOf(branches).counts(), detail: many(branches.length, "branch", "branches") });
      return [out];
    }
    if (branches.length > WIDE) {
      this.#rows(id, about, branches, scope);
      return [out];
    }
    this.#node(id, scope, { ...about, fold: "open", detail: many(branches.length, "branch", "branches") });
    return branches.map((entry) => {
      const branch = within(id, entry.base);
      this.#edge(out, branch, true);
      return this.#entry(branch, entry, scope);
    });
  }

  /** Many tasks beside each other: a container in rows, a page at a time. */
  #rows(id: string, about: Facts, entries: readonly Entry[], scope: Scope): void {
    const pages = Math.ceil(entries.length / PAGE);
    const shown = Math.min(Math.max(1, this.folds.shown.get(id) ?? 1), pages);
    const page = entries.slice((shown - 1) * PAGE, shown * PAGE);
    this.hidden += entries.length - page.length;
    const part = pages > 1 ? ({ what: "page", shown, of: pages } as const) : null;
    this.#node(id, scope, { ...about, fold: "open", counts: tallyOf(entries).counts(), part }, true, ROWS.columns);
    // what lies in rows has one size, so nothing opens in place there
    const inside = { ...scope, parent: id, depth: NESTED };
    for (const entry of page) this.#entry(within(id, forkKey(entry.ref, entry.iteration)), entry, inside);
  }

  /** A task that only the run knows of. */
  #entry(id: string, entry: Entry, scope: Scope): Exit {
    const type = latestOf(entry)?.taskType ?? "";
    const about = facts({ kind: type === "SUB_WORKFLOW" ? "subWorkflow" : "raw", ref: entry.ref, name: entry.base, type, detail: "", optional: false }, entry.attempts);
    const out = { node: id, label: "", lit: about.status?.ended ?? false };
    if (about.kind === "subWorkflow") this.#child(id, about, undefined, scope, false);
    else this.#node(id, scope, about);
    return out;
  }

  #subWorkflow(item: Item, id: string, about: Facts, scope: Scope, out: Exit): Exit[] {
    this.#child(id, about, item.inline, scope, isOpen(this.folds, id, item.key, scope.folded));
    return [out];
  }

  /** A sub-workflow: its card, or its own picture within a container. */
  #child(id: string, about: Facts, inline: unknown, scope: Scope, openByDefault: boolean): void {
    const answer = about.child ? this.children?.get(about.child) : undefined;
    const known = typeof answer === "string" ? undefined : answer;
    const definition = known?.definition ?? (scope.index ? undefined : inline);
    const possible = scope.depth < NESTED && (Boolean(about.child) || definition !== undefined);
    if (!possible || !(this.folds.open.get(id) ?? openByDefault)) {
      this.#node(id, scope, { ...about, fold: possible ? "folded" : null });
      return;
    }
    this.#node(id, scope, { ...about, fold: "open" }, true);
    const inside = { ...scope, id: (key: string) => within(id, key), parent: id, iteration: 0, run: about.child ?? "", depth: scope.depth + 1 };
    if (definition === undefined) {
      const title = typeof answer === "string" ? answer : `Loading ${about.detail || "the sub-workflow"} …`;
      this.#node(within(id, "wait"), inside, { kind: "wait", title, status: null });
      return;
    }
    const tree = structureOf(definition);
    const index = known && indexOf(tree, known.tasks);
    const nested: Scope = { ...inside, tree, index, folded: foldedByDefault(tree, index) };
    this.#sequence(tree.items, [], nested);
    this.#loose(nested);
    if (tree.items.length === 0 && (index?.loose.length ?? 0) === 0) this.#node(within(id, "wait"), nested, { kind: "wait", title: "It has no tasks.", status: null });
  }

  #loose(scope: Scope): void {
    const entries = scope.index?.loose ?? [];
    if (entries.length === 0) return;
    const id = scope.id(LOOSE);
    const about: Facts = { kind: "stretch", title: "Not in the definition", type: many(entries.length, "task"), status: null };
    if (this.folds.open.get(id) ?? entries.length <= WIDE) return this.#rows(id, about, entries, scope);
    this.hidden += entries.length;
    this.#node(id, scope, { ...about, fold: "folded", counts: tallyOf(entries).counts() });
  }
}

const partOf = ({ shown, of }: { shown: number; of: number }) => (of > 1 ? ({ what: "iteration", shown, of } as const) : null);

const entryOf = (item: Item, scope: Scope): Entry | undefined => (item.ref ? scope.index?.entries.get(item.ref)?.get(scope.iteration) : undefined);

function tallyOf(entries: readonly Entry[]): Tally {
  const tally = new Tally();
  for (const entry of entries) tally.add(latestOf(entry)?.status ?? "");
  return tally;
}

/** The statuses of all that is in an item; within a loop, of all its iterations. */
function tallyWithin(item: Item, scope: Scope): Tally {
  const tally = new Tally();
  const meet = (outer: Item, all: boolean): void => {
    for (const each of outer.branches.flatMap((branch) => branch.items)) {
      if (each.kind !== "stretch") count(each, all);
      meet(each, all || each.kind === "loop");
    }
  };
  const count = (each: Item, all: boolean): void => {
    const byIteration = scope.index?.entries.get(each.ref);
    const here = byIteration?.get(scope.iteration);
    const entries = all ? [...(byIteration?.values() ?? [])] : here ? [here] : [];
    if (entries.length === 0) tally.add(NOT_REACHED.name);
    for (const entry of entries) {
      tally.add(latestOf(entry)?.status ?? "");
      const branches = each.kind === "dynamicFork" ? (scope.index?.branches.get(forkKey(each.ref, entry.iteration)) ?? []) : [];
      for (const branch of branches) tally.add(latestOf(branch)?.status ?? "");
    }
  };
  meet(item, item.kind === "loop");
  return tally;
}

const litWithin = (item: Item, scope: Scope): boolean =>
  !scope.index || item.branches.some((branch) => branch.items.some((each) => entryOf(each, scope) !== undefined));

/** Whether the run went, or goes, into a branch. */
function taken(item: Item, branch: Branch, scope: Scope): boolean {
  if (!scope.index || item.kind !== "switch") return true;
  const entry = entryOf(item, scope);
  const chosen = (entry && latestOf(entry)?.caseOutput) ?? null;
  const first = branch.items[0];
  if (first) return entryOf(first, scope) !== undefined || (first.kind === "stretch" && litWithin(first, scope));
  if (chosen === null) return false;
  if (branch.value === chosen) return true;
  return branch.value === null && !item.branches.some((each) => each.value === chosen);
}

/** The drawing as a picture, made of the objects of the one before where they say the same. */
function kept(drawing: Drawing, before: Graph | undefined): Graph {
  const oldNodes = new Map(before?.nodes.map((node) => [node.id, node]));
  const oldEdges = new Map(before?.edges.map((edge) => [edge.id, edge]));
  const nodes = drawing.nodes.map((node) => {
    const old = oldNodes.get(node.id);
    if (!old) return node;
    const same = sameCard(old.card, node.card);
    if (same && old.parent === node.parent && old.height === node.height && old.columns === node.columns && old.container === node.container) return old;
    return same ? { ...node, card: old.card } : node;
  });
  const edges = [...drawing.edges.values()].map((edge) => {
    const old = oldEdges.get(edge.id);
    return old && old.lit === edge.lit && old.label === edge.label ? old : edge;
  });
  const sameNodes = before?.nodes.length === nodes.length && nodes.every((node, i) => node === before.nodes[i]);
  const sameEdges = before?.edges.length === edges.length && edges.every((edge, i) => edge === before.edges[i]);
  if (before && sameNodes && sameEdges && before.hidden === drawing.hidden) return before;
  return {
    nodes: sameNodes ? before.nodes : nodes,
    edges: sameEdges ? before.edges : edges,
    shape: layoutKey(nodes, edges, "DOWN"),
    hidden: drawing.hidden,
  };
}
