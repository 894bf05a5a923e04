/** Which operation somebody is asking for. One dialog answers all of them, wherever the question comes from. */
import { useSyncExternalStore } from "react";
import type { Verb } from "../../model/status";

export interface TaskTarget {
  /** Absent if the run has not reached it. */
  taskId?: string | undefined;
  referenceTaskName: string;
}
export interface Asked {
  verb: Verb;
  workflowId: string;
  task?: TaskTarget | undefined;
}

let asked: Asked | undefined;
const listeners = new Set<() => void>();

function set(next: Asked | undefined): void {
  asked = next;
  listeners.forEach((listener) => listener());
}

const ask = (next: Asked): void => set(next);
export const dismiss = (): void => set(undefined);

/** `const ask = useOperations(); ask({ verb: "retry", workflowId })` shows what it would do, and does it when that is wanted. */
export const useOperations = (): ((asked: Asked) => void) => ask;

export const useAsked = (): Asked | undefined =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => asked,
  );
