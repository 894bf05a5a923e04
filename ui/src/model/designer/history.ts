/** What was done, so that it can be undone. Changes of one gesture are one step. */

export interface History<T> {
  readonly present: T;
  readonly past: readonly T[];
  readonly future: readonly T[];
  /** The gesture of the last change, and when it was. */
  readonly gesture?: string;
  readonly at?: number;
}

/** Typing that pauses for longer begins a new step. */
const PAUSE = 1_000;
const STEPS = 200;

export const begin = <T>(present: T): History<T> => ({ present, past: [], future: [] });

/** A change. One with the gesture of the last one, and soon after it, joins that step. */
export function change<T>(history: History<T>, next: T, gesture?: string, at = 0): History<T> {
  if (next === history.present) return history;
  const joins = gesture !== undefined && gesture === history.gesture && at - (history.at ?? 0) <= PAUSE && history.past.length > 0;
  const past = joins ? history.past : [...history.past.slice(1 - STEPS), history.present];
  return { present: next, past, future: [], ...(gesture === undefined ? {} : { gesture, at }) };
}

export function undo<T>(history: History<T>): History<T> {
  const before = history.past.at(-1);
  if (before === undefined) return history;
  return { present: before, past: history.past.slice(0, -1), future: [history.present, ...history.future] };
}

export function redo<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { present: next, past: [...history.past, history.present], future };
}

export const canUndo = (history: History<unknown>): boolean => history.past.length > 0;
export const canRedo = (history: History<unknown>): boolean => history.future.length > 0;
