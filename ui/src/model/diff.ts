/** What differs between two JSON values: attempts, iterations, versions of a definition. */
import { kindOf, member } from "./json";

export interface Change {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  /** Absent where the other side has nothing. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Difference {
  readonly changes: readonly Change[];
  /** There are more: only the first were gathered. */
  readonly cut: boolean;
}

/** More than this nobody reads; the text beside text is still whole. */
export const MOST_CHANGES = 1_000;

/** Walks both values. Lists are compared by what they hold in common at both ends, so that one more item is one change. */
export function difference(before: unknown, after: unknown, most = MOST_CHANGES): Difference {
  const changes: Change[] = [];
  let full = false;
  const say = (change: Change): void => {
    if (changes.length < most) changes.push(change);
    else full = true;
  };
  const walk = (a: unknown, b: unknown, path: string): void => {
    if (full || a === b) return;
    const kind = kindOf(a);
    if (kind !== kindOf(b)) say({ path, kind: "changed", before: a, after: b });
    else if (kind === "object") members(a as Record<string, unknown>, b as Record<string, unknown>, path);
    else if (kind === "array") items(a as unknown[], b as unknown[], path);
    else if (!Object.is(a, b) && kind !== "null") say({ path, kind: "changed", before: a, after: b });
  };
  const members = (a: Record<string, unknown>, b: Record<string, unknown>, path: string): void => {
    for (const [name, value] of Object.entries(a)) {
      if (Object.hasOwn(b, name)) walk(value, b[name], member(path, name));
      else say({ path: member(path, name), kind: "removed", before: value });
    }
    for (const [name, value] of Object.entries(b)) {
      if (!Object.hasOwn(a, name)) say({ path: member(path, name), kind: "added", after: value });
    }
  };
  const items = (a: unknown[], b: unknown[], path: string): void => {
    let first = 0;
    const shorter = Math.min(a.length, b.length);
    while (first < shorter && equal(a[first], b[first])) first += 1;
    let last = 0;
    while (last < shorter - first && equal(a[a.length - 1 - last], b[b.length - 1 - last])) last += 1;
    const [endA, endB] = [a.length - last, b.length - last];
    for (let i = first; i < Math.max(endA, endB) && !full; i += 1) {
      if (i >= endA) say({ path: member(path, i), kind: "added", after: b[i] });
      else if (i >= endB) say({ path: member(path, i), kind: "removed", before: a[i] });
      else walk(a[i], b[i], member(path, i));
    }
  };
  walk(before, after, "");
  return { changes, cut: full };
}

/** Equal in content; the order of members does not count. */
export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  const kind = kindOf(a);
  if (kind !== kindOf(b)) return false;
  if (kind === "null") return true;
  if (kind === "array") {
    const [x, y] = [a as unknown[], b as unknown[]];
    return x.length === y.length && x.every((value, i) => equal(value, y[i]));
  }
  if (kind !== "object") return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(x);
  return names.length === Object.keys(y).length && names.every((name) => Object.hasOwn(y, name) && equal(x[name], y[name]));
}
