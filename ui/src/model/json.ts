/** A JSON value as the lines of a tree. Only open nodes are walked, so a large value costs what is seen of it. */

export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

export interface JsonLine {
  /** Where it is, for instance `.items[3].name`; unique, and "" for the value itself. */
  readonly path: string;
  /** Name of the member, or index; null for the value itself. */
  readonly key: string | number | null;
  readonly value: unknown;
  readonly kind: JsonKind;
  readonly depth: number;
  /** Members of an object or array; 0 else. */
  readonly size: number;
  readonly open: boolean;
  readonly position: number;
  readonly siblings: number;
}

export function kindOf(value: unknown): JsonKind {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  const type = typeof value;
  return type === "string" || type === "number" || type === "boolean" ? type : "object";
}

const PLAIN = /^[A-Za-z_$][\w$-]*$/;

/** The path of a member in the words of `${…}`. */
export const member = (path: string, key: string | number): string =>
  typeof key === "number" ? `${path}[${key}]` : PLAIN.test(key) ? `${path}.${key}` : `${path}['${key.replaceAll("'", "\\'")}']`;

/** The lines to show. `toggled` are the paths whose state differs from `openTo`, the depth to which all is open. */
export function jsonLines(value: unknown, toggled: ReadonlySet<string>, openTo = 2): JsonLine[] {
  const lines: JsonLine[] = [];
  const walk = (here: unknown, key: string | number | null, path: string, depth: number, position: number, siblings: number): void => {
    const kind = kindOf(here);
    const size = kind === "array" ? (here as unknown[]).length : kind === "object" ? Object.keys(here as object).length : 0;
    // a long list opens when it is asked for: nobody reads a thousand lines to find the next member
    const open = size > 0 && (depth < openTo && (size <= 100 || depth === 0)) !== toggled.has(path);
    lines.push({ path, key, value: here, kind, depth, size, open, position, siblings });
    if (!open) return;
    if (kind === "array") (here as unknown[]).forEach((each, i) => walk(each, i, member(path, i), depth + 1, i + 1, size));
    else Object.entries(here as object).forEach(([name, each], i) => walk(each, name, member(path, name), depth + 1, i + 1, size));
  };
  walk(value, null, "", 0, 1, 1);
  return lines;
}

/** A value on one line, cut. */
export function preview(value: unknown, limit = 120): string {
  const kind = kindOf(value);
  if (kind === "object") {
    const names = Object.keys(value as object);
    return names.length === 0 ? "{}" : cut(`{ ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""} }`, limit);
  }
  if (kind === "array") {
    const list = value as unknown[];
    return list.length === 0 ? "[]" : `[ ${list.length} ${list.length === 1 ? "item" : "items"} ]`;
  }
  // a text of megabytes is cut before it is quoted
  if (kind === "string") return cut(JSON.stringify((value as string).slice(0, limit + 1)), limit);
  return kind === "null" ? "null" : String(value);
}

const cut = (text: string, limit: number): string => (text.length > limit ? `${text.slice(0, limit)}…` : text);

/** Above this a value is shown when it is asked for, with its size. */
export const LARGE = 256_000;

/** As a person would write it. */
export const pretty = (value: unknown): string => JSON.stringify(value, null, 2) ?? "null";

/** What a text holds as JSON; the text itself if it is none, for instance because it was cut. Nothing of an empty one. */
export function jsonOrText(text: string): unknown {
  try {
    return text === "" ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}
