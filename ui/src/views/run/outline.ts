/** The outline of a run on the page: which branches are open, which child runs are shown in place. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { useOverviews } from "../../api/queries/run";
import { openedParameters, type Opened } from "../../model/foldsAddress";
import { above, outline, shown, type Branch, type Shown } from "../../model/outline";
import type { Overview } from "../../model/run";
import { words } from "../../widgets/ErrorState";
import { useAddressed } from "./useAddressed";

/** Kept by the page, so that the timeline and the list fold alike. */
export interface Folds {
  /** By key: what a person, or a selection, opened or folded. */
  states: ReadonlyMap<string, boolean>;
  /** Child runs that were opened in place. */
  runs: readonly string[];
  fold: (branches: readonly Branch[], open: boolean) => void;
  /** These child runs are to be shown too. */
  show: (runs: readonly string[]) => void;
}

/** As the address says at first; what changes then is written there. */
export function useFolds(addressed: Opened, write: (rows: Opened) => void): Folds {
  const [states, setStates] = useState(addressed);
  const [runs, setRuns] = useState<readonly string[]>([]);
  useAddressed(states, addressed, openedParameters, write);
  const fold = useCallback((branches: readonly Branch[], open: boolean) => {
    setStates((before) => new Map([...before, ...branches.map((branch) => [branch.key, open] as const)]));
  }, []);
  const show = useCallback((more: readonly string[]) => setRuns((before) => [...new Set([...before, ...more])]), []);
  return useMemo(() => ({ states, runs, fold, show }), [states, runs, fold, show]);
}

export interface Outline {
  branches: readonly Branch[];
  rows: readonly Shown[];
  /** By key of a branch: what is to be said beside it. */
  notes: ReadonlyMap<string, string>;
}

/** What is shown from top to bottom. The branches above the selected task are opened. */
export function useOutline(overview: Overview, folds: Folds, selected: string | undefined): Outline {
  const { states, runs, fold, show } = folds;
  const children = useOverviews(runs);
  // the list of answers is new with each drawing: what counts is when they came, and that one failed
  const stamp = children.map(({ dataUpdatedAt, errorUpdatedAt }) => `${dataUpdatedAt}.${errorUpdatedAt}`).join();
  const opened = useMemo(
    () => new Map(children.flatMap(({ data }, at) => (data ? [[runs[at] ?? "", data] as const] : []))),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `stamp` stands for `children`
    [runs, stamp],
  );
  const branches = useMemo(() => outline(overview, opened), [overview, opened]);
  const rows = useMemo(() => shown(branches, states), [branches, states]);
  // a child run is asked for once its row is open, whether by a click or by the address
  useEffect(() => {
    const missing = rows.flatMap(({ branch, open }) => (open && branch.childRun !== null && !runs.includes(branch.childRun) ? [branch.childRun] : []));
    if (missing.length > 0) show(missing);
  }, [rows, runs, show]);
  useEffect(() => {
    const parents = selected === undefined ? [] : (above(branches, selected) ?? []);
    if (parents.length > 0) fold(parents, true);
    // only a new selection opens; what a person folds afterwards stays folded
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected]);
  const notes = useMemo(() => {
    const said = new Map<string, string>();
    for (const { branch, open } of rows) {
      if (!open || branch.childRun === null) continue;
      const child = children[runs.indexOf(branch.childRun)];
      if (child?.error) said.set(branch.key, words(child.error));
      else if (child?.data?.tasks.length === 0) said.set(branch.key, "no tasks yet");
      else if (child?.isPending) said.set(branch.key, "on its way …");
    }
    return said;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `stamp` stands for `children`
  }, [rows, runs, stamp]);
  return { branches, rows, notes };
}
