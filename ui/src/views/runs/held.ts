/**
 * Rows that keep their places. While the viewer is at rest the list shows what the server says; once they have scrolled or selected, the rows on
 * the page stay where they are, their contents are renewed in place, and what is new is only counted.
 */
import { useMemo, useState } from "react";
import { useRunsById, type RunPage, type RunRow } from "../../api/queries/runs";
import { IDS_IN_ADDRESS } from "../../model/bulk";
import { runStatus } from "../../model/status";


export interface Held {
  rows: readonly RunRow[];
  /** Runs that the server would show here and the page does not. */
  newer: number;
  release: () => void;
}

/** The rows of `held` with what is known now of each. */
export function renewed(held: readonly RunRow[], ...known: readonly (readonly RunRow[])[]): readonly RunRow[] {
  const now = new Map(known.flat().map((row) => [row.workflowId, row]));
  return held.map((row) => now.get(row.workflowId) ?? row);
}

/** Rows that the newest answer does not tell of any more: those that may still change come first. */
export function astray(held: readonly RunRow[], fresh: readonly RunRow[]): readonly string[] {
  const there = new Set(fresh.map((row) => row.workflowId));
  return held
    .filter((row) => !there.has(row.workflowId))
    .sort((a, b) => Number(runStatus(a.status).ended) - Number(runStatus(b.status).ended))
    .slice(0, IDS_IN_ADDRESS)
    .map((row) => row.workflowId)
    .sort();
}

const NONE: readonly RunRow[] = [];

/** `key` says which page of which question it is: another one is never held. */
export function useHeld(key: string, fresh: RunPage | undefined, hold: boolean): Held {
  const [kept, setKept] = useState<{ key: string; page: RunPage }>();
  const holds = hold && kept?.key === key;
  if (fresh && !holds && (kept?.key !== key || kept.page !== fresh)) setKept({ key, page: fresh });
  const rows = kept?.key === key ? kept.page.rows : (fresh?.rows ?? NONE);
  const lost = useMemo(() => (holds && fresh ? astray(rows, fresh.rows) : []), [holds, fresh, rows]);
  const strays = useRunsById(lost).data?.rows ?? NONE;
  const shown = useMemo(() => (holds ? renewed(rows, strays, fresh?.rows ?? NONE) : rows), [holds, rows, strays, fresh]);
  const newer = useMemo(() => {
    if (!holds || !fresh) return 0;
    const there = new Set(rows.map((row) => row.workflowId));
    return fresh.rows.filter((row) => !there.has(row.workflowId)).length;
  }, [holds, fresh, rows]);
  return { rows: shown, newer, release: () => fresh && setKept({ key, page: fresh }) };
}
