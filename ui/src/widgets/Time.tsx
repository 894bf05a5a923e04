import { createContext, use, useSyncExternalStore } from "react";
import { exact, relative } from "../model/duration";

/** Whether times are shown in UTC. */
export const UtcContext = createContext(false);

let now = Date.now();
const listeners = new Set<() => void>();
let timer: number | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(() => {
    now = Date.now();
    listeners.forEach((each) => each());
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      window.clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The present second, the same for everybody on the page. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => now);

/** How long ago; the exact instant on hover and for screen readers. */
export function Time({ at }: { at: number | null | undefined }) {
  const utc = use(UtcContext);
  const present = useNow();
  if (!at) return <span className="soft">–</span>;
  const instant = exact(at, utc);
  return (
    <time dateTime={new Date(at).toISOString()} title={instant} aria-label={instant}>
      {relative(at, present)}
    </time>
  );
}
