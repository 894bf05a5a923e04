/** The keyboard of a long list of which only the visible rows are drawn: the list has the focus, one row is active. */
import { useCallback, type KeyboardEvent } from "react";

interface List {
  count: number;
  /** -1: none yet. */
  active: number;
  onActive: (row: number) => void;
  /** Brings a row into view. */
  scrollTo: (row: number) => void;
  /** Enter or Space on the active row. */
  onOpen?: (row: number) => void;
  /** Left (false) and Right (true) on the active row. */
  onFold?: (row: number, open: boolean) => void;
  /** How many rows a page has. */
  page?: number;
}

/** Answers a handler for `onKeyDown` of the element that has the focus. */
export function useListKeys({ count, active, onActive, scrollTo, onOpen, onFold, page = 10 }: List) {
  return useCallback(
    (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
      const go = (row: number) => {
        const next = Math.max(0, Math.min(count - 1, row));
        onActive(next);
        scrollTo(next);
      };
      const moves: Record<string, () => void> = {
        ArrowDown: () => go(active + 1),
        ArrowUp: () => go(active < 0 ? count - 1 : active - 1),
        j: () => go(active + 1),
        k: () => go(active - 1),
        PageDown: () => go(active + page),
        PageUp: () => go(active - page),
        Home: () => go(0),
        End: () => go(count - 1),
      };
      if (active >= 0) {
        if (onOpen) moves["Enter"] = moves[" "] = () => onOpen(active);
        if (onFold) {
          moves["ArrowLeft"] = () => onFold(active, false);
          moves["ArrowRight"] = () => onFold(active, true);
        }
      }
      const move = moves[event.key];
      if (!move || count === 0) return;
      event.preventDefault();
      event.stopPropagation();
      move();
    },
    [count, active, onActive, scrollTo, onOpen, onFold, page],
  );
}
