/** Views that somebody gave a name, kept in this browser. */
import { useState } from "react";
import { remember, remembered } from "../../app/preferences";

export interface SavedView {
  name: string;
  /** The parameters of its address. */
  search: string;
}

const KEY = "podium.runs.views";

export function keptViews(text: string | null): readonly SavedView[] {
  try {
    const kept: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(kept)) return [];
    return kept.flatMap((each: unknown) => {
      const { name, search } = (typeof each === "object" && each !== null ? each : {}) as Partial<SavedView>;
      return typeof name === "string" && typeof search === "string" ? [{ name, search }] : [];
    });
  } catch {
    return [];
  }
}

/** With every browser, before anybody saved one. */
export const GIVEN: readonly SavedView[] = [
  { name: "Running now", search: "q=status%3ARUNNING&last=all" },
  { name: "Failed in the last 24 hours", search: "q=status%3AFAILED%2CTIMED_OUT" },
  { name: "Longer than an hour", search: "q=took%3A%3E1h&last=7d" },
];

export function useSavedViews() {
  const [views, setViews] = useState(() => keptViews(remembered(KEY)));
  const keep = (next: readonly SavedView[]) => {
    setViews(next);
    return remember(KEY, JSON.stringify(next));
  };
  return {
    views,
    /** A view of the same name is replaced. False: this browser keeps nothing. */
    save: (view: SavedView) => keep([...views.filter((each) => each.name !== view.name), view].sort((a, b) => a.name.localeCompare(b.name))),
    forget: (name: string) => keep(views.filter((each) => each.name !== name)),
  };
}
