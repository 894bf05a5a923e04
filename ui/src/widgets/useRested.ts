import { useEffect, useState } from "react";

/** True once it has been shown for so many milliseconds: what is only passed by, or comes first, need not ask at once. */
export function useRested(ms: number): boolean {
  const [rested, setRested] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(true), ms);
    return () => window.clearTimeout(timer);
  }, [ms]);
  return rested;
}
