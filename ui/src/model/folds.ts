/** What of a diagram is folded, and which iteration or page of a thing is shown. */
import { forkKey, lastIteration, placeOf, type RunIndex } from "./runIndex";
import { everyItem, LOOSE, type Item, type Tree } from "./structure";

/** What the viewer chose, by the id of the node; what is not here is as it is by default. */
export interface Folds {
  readonly open: ReadonlyMap<string, boolean>;
  /** The iteration of a loop, the page of a wide fork; from 1. */
  readonly shown: ReadonlyMap<string, number>;
}
export const NO_FOLDS: Folds = { open: new Map(), shown: new Map() };

/** More nodes than this are not drawn by default. */
export const VISIBLE = 300;
/** A dynamic fork with more branches than this is folded by default, and drawn in rows without lines when it is opened. */
export const WIDE = 24;
/** So many branches of a wide fork are shown at once. */
export const PAGE = 120;

export const withFold = (folds: Folds, id: string, open: boolean): Folds => ({ ...folds, open: new Map(folds.open).set(id, open) });
export const withShown = (folds: Folds, id: string, shown: number): Folds => ({ ...folds, shown: new Map(folds.shown).set(id, shown) });

export const foldable = (item: Item): boolean =>
  item.kind === "dynamicFork" || item.kind === "subWorkflow" || item.branches.some((branch) => branch.items.length > 0);

/** How many branches a dynamic fork has in any one iteration. */
function widest(item: Item, index: RunIndex | undefined): number {
  let most = 0;
  for (const iteration of index?.entries.get(item.ref)?.keys() ?? []) {
    most = Math.max(most, index?.branches.get(forkKey(item.ref, iteration))?.length ?? 0);
  }
  return most;
}

const defaults = new WeakMap<Tree, WeakMap<object, ReadonlySet<string>>>();
const NO_RUN = {};

/** Keys of the items that are folded until the viewer says otherwise: sub-workflows, wide forks, and as much as the picture needs. */
export function foldedByDefault(tree: Tree, index: RunIndex | undefined): ReadonlySet<string> {
  const known = defaults.get(tree) ?? new WeakMap<object, ReadonlySet<string>>();
  defaults.set(tree, known);
  let folded = known.get(index ?? NO_RUN);
  if (!folded) known.set(index ?? NO_RUN, (folded = decide(tree, index)));
  return folded;
}

function decide(tree: Tree, index: RunIndex | undefined): ReadonlySet<string> {
  const folded = new Set<string>();
  const branches = new Map<string, number>();
  const candidates: { item: Item; own: number; depth: number }[] = [];
  const meet = (items: readonly Item[], depth: number): void => {
    for (const item of items) {
      if (item.kind === "subWorkflow") folded.add(item.key);
      else if (item.kind === "dynamicFork") {
        const width = widest(item, index);
        branches.set(item.key, width);
        if (width > WIDE) folded.add(item.key);
        else candidates.push({ item, own: width, depth });
      } else if (foldable(item)) {
        candidates.push({ item, own: item.branches.reduce((sum, branch) => sum + branch.items.length, 0), depth });
      }
      for (const branch of item.branches) meet(branch.items, depth + 1);
    }
  };
  meet(tree.items, 0);
  // the broadest first, and the inner before the outer: so the outline of the whole stays to be seen
  candidates.sort((a, b) => b.own - a.own || b.depth - a.depth);
  const rank = new Map(candidates.map(({ item }, i) => [item.key, i]));
  /** How many nodes are drawn if the first so many candidates are folded. */
  const visible = (items: readonly Item[], first: number): number => {
    let sum = 0;
    for (const item of items) {
      sum += 1;
      if (folded.has(item.key) || (rank.get(item.key) ?? first) < first) continue;
      sum += branches.get(item.key) ?? 0;
      for (const branch of item.branches) sum += visible(branch.items, first);
    }
    return sum;
  };
  let [enough, tooFew] = [candidates.length, -1];
  while (enough - tooFew > 1) {
    const middle = Math.floor((enough + tooFew) / 2);
    if (visible(tree.items, middle) <= VISIBLE) enough = middle;
    else tooFew = middle;
  }
  for (const { item } of candidates.slice(0, enough)) folded.add(item.key);
  // stretches are alike: all of them, or none
  if (candidates.slice(0, enough).some(({ item }) => item.kind === "stretch")) {
    for (const { item } of candidates) if (item.kind === "stretch") folded.add(item.key);
  }
  return folded;
}

export function isOpen(folds: Folds, id: string, key: string, folded: ReadonlySet<string>): boolean {
  return folds.open.get(id) ?? !folded.has(key);
}

/** The iteration of a loop that is shown: the chosen one, else the last. */
export function shownIteration(folds: Folds, id: string, loop: Item, within: number, index: RunIndex): { shown: number; of: number } {
  const of = lastIteration(index, loop, within);
  return { shown: Math.min(Math.max(1, folds.shown.get(id) ?? of), Math.max(1, of)), of };
}

/** The same, with everything around one task open, so that it is in the picture. `ref` is as the run names it. */
export function revealing(folds: Folds, tree: Tree, index: RunIndex | undefined, ref: string): Folds {
  const row = [...(index?.entries.values() ?? [])].flatMap((byIteration) => [...byIteration.values()]).find((entry) => entry.ref === ref);
  const { base, iteration } = row ?? placeOf({ referenceTaskName: ref, iteration: 0 }, tree);
  let next = folds;
  const open = (id: string): void => {
    if (!isOpen(next, id, id, foldedByDefault(tree, index))) next = withFold(next, id, true);
  };
  const show = (id: string, wanted: number): void => {
    if (next.shown.get(id) !== wanted) next = withShown(next, id, wanted);
  };
  let item = tree.byRef.get(base);
  const fork = index?.home.get(ref);
  if (!item && fork !== undefined) {
    item = tree.byRef.get(fork.slice(0, fork.lastIndexOf("@")));
    const at = index?.branches.get(fork)?.findIndex((entry) => entry.ref === ref) ?? -1;
    if (item) open(item.key);
    if (item && at >= 0) show(item.key, Math.floor(at / PAGE) + 1);
  } else if (!item && index?.loose.some((entry) => entry.ref === ref)) {
    const at = index.loose.findIndex((entry) => entry.ref === ref);
    if (next.open.get(LOOSE) !== true) next = withFold(next, LOOSE, true);
    show(LOOSE, Math.floor(at / PAGE) + 1);
  }
  let inner = true;
  for (let outer = item && tree.around.get(item.key); outer; outer = tree.around.get(outer.key)) {
    open(outer.key);
    // tasks of an inner loop say nothing about the iteration of the outer one
    if (outer.kind === "loop" && inner && iteration > 0) show(outer.key, iteration);
    if (outer.kind === "loop") inner = false;
  }
  return next;
}

/** Everything that can be folded, folded or open; what was chosen inside of sub-workflows stays. */
export function allFolds(folds: Folds, tree: Tree, open: boolean): Folds {
  const all = new Map(folds.open);
  for (const item of everyItem(tree.items)) {
    if (foldable(item) && (item.kind !== "subWorkflow" || !open)) all.set(item.key, open);
  }
  return { ...folds, open: all };
}
