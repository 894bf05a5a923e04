/** A filter and a time window as the server's search takes them: `query` (its language), `freeText`, `sort`. */
import { fieldOf, instantOf, spanOf, type Clause, type Field, type Filter } from "./query";

/** The last so many milliseconds, a range (either end may be open), or all times. By start time. */
export type Window = { kind: "last"; ms: number } | { kind: "range"; from?: number; to?: number } | { kind: "all" };

export interface Ask {
  readonly query: string;
  readonly freeText: string;
}

export const LASTS = [
  { name: "15m", label: "15 m", ms: 15 * 60_000 },
  { name: "1h", label: "1 h", ms: 3_600_000 },
  { name: "24h", label: "24 h", ms: 24 * 3_600_000 },
  { name: "7d", label: "7 d", ms: 7 * 24 * 3_600_000 },
] as const;
/** What a list shows that nobody has narrowed. */
export const USUAL: Window = { kind: "last", ms: 24 * 3_600_000 };

/** The server's quoting: a backslash takes the next character as it is. */
const text = (value: string): string => `'${value.replace(/['\\]/g, "\\$&")}'`;

/** Every text, and a `*` in it is any text; several are each on their own, because a list takes no `*`. */
function texts(field: Field, values: readonly string[], not: boolean): string {
  const wanted = values.map((value) => (field.within && !value.includes("*") ? `*${value}*` : value));
  const sign = not ? "!=" : "=";
  const plain = wanted.filter((value) => !value.includes("*"));
  const wild = wanted.filter((value) => value.includes("*"));
  const parts = wild.map((value) => `${field.wire} ${sign} ${text(value)}`);
  if (plain.length > 1 && !not) parts.unshift(`${field.wire} IN (${plain.map(text).join(", ")})`);
  else parts.unshift(...plain.map((value) => `${field.wire} ${sign} ${text(value)}`));
  return joined(parts, not ? "AND" : "OR");
}

const joined = (parts: readonly string[], word: "AND" | "OR"): string =>
  parts.length > 1 ? `(${parts.join(` ${word} `)})` : (parts[0] ?? "");

const OPPOSITE = { ">": "<=", ">=": "<", "<": ">=", "<=": ">" } as const;

function numbers(field: Field, each: Clause, read: (value: string) => number | undefined): string {
  const values = each.values.map(read).filter((value) => value !== undefined);
  if (each.op === ">" || each.op === ">=" || each.op === "<" || each.op === "<=")
    return `${field.wire} ${each.not ? OPPOSITE[each.op] : each.op} ${values[0] ?? 0}`;
  return joined(
    values.map((value) => `${field.wire} ${each.not ? "!=" : "="} ${value}`),
    each.not ? "AND" : "OR",
  );
}

/** One clause in the server's language. */
export function clauseQuery(each: Clause): string {
  const field = fieldOf(each.field);
  if (!field) return "";
  if (field.kind === "query") return `(${each.values.join(" ")})`;
  if (field.kind === "flag") return `${field.wire} IS ${(each.values[0] === "yes") === each.not ? "not null" : "null"}`;
  if (each.op === "none" || each.op === "any") return `${field.wire} IS ${(each.op === "none") === each.not ? "not null" : "null"}`;
  switch (field.kind) {
    case "int":
      return numbers(field, each, Number);
    case "duration":
      return numbers(field, each, spanOf);
    case "time":
      return numbers(field, each, instantOf);
    case "payload":
    case "text":
    case "status":
      return texts(field, each.values, each.not);
  }
}

/** Words with the server's signs; a phrase stands in single quotes there, which it cannot contain. */
export const freeText = (words: string): string =>
  words.replace(/"((?:[^"\\]|\\[^])*)"/g, (_, inside: string) => `'${inside.replace(/\\([^])/g, "$1").replaceAll("'", " ")}'`);

export function windowQuery(window: Window, now: number): string[] {
  if (window.kind === "last") return [`startTime >= ${now - window.ms}`];
  if (window.kind === "all") return [];
  return [
    ...(window.from === undefined ? [] : [`startTime >= ${window.from}`]),
    ...(window.to === undefined ? [] : [`startTime <= ${window.to}`]),
  ];
}

/** What the server is asked for. `asOf` leaves out what began later, so that pages stay what they were. */
export function ask(filter: Filter, window: Window, now: number, asOf?: number): Ask {
  const parts = [
    ...windowQuery(window, now),
    ...(asOf === undefined ? [] : [`startTime <= ${asOf}`]),
    ...filter.clauses.map(clauseQuery).filter((part) => part !== ""),
  ];
  return { query: parts.join(" AND "), freeText: freeText(filter.words) };
}

/** Exactly these workflows. */
export const byIds = (ids: readonly string[]): string => `workflowId IN (${ids.map(text).join(",")})`;

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}
export const NEWEST: Sort = { column: "startTime", descending: true };
export const sortText = (sort: Sort): string => `${sort.column}:${sort.descending ? "DESC" : "ASC"}`;
export const sortOf = (given: string | null): Sort => {
  const [column, order] = (given ?? "").split(":");
  return column ? { column, descending: order !== "ASC" } : NEWEST;
};

/** A window in the address: `last=1h`, `last=all`, or `from` and `to`. */
export function windowParameters(window: Window): { last?: string; from?: string; to?: string } {
  if (window.kind === "all") return { last: "all" };
  if (window.kind === "range")
    return {
      ...(window.from === undefined ? {} : { from: new Date(window.from).toISOString() }),
      ...(window.to === undefined ? {} : { to: new Date(window.to).toISOString() }),
    };
  if (USUAL.kind === "last" && window.ms === USUAL.ms) return {};
  return { last: LASTS.find((each) => each.ms === window.ms)?.name ?? `${window.ms}ms` };
}

export function windowOf(last: string | null, from: string | null, to: string | null): Window {
  const [begin, end] = [instantOf(from ?? ""), instantOf(to ?? "")];
  if (begin !== undefined || end !== undefined)
    return { kind: "range", ...(begin === undefined ? {} : { from: begin }), ...(end === undefined ? {} : { to: end }) };
  if (last === "all") return { kind: "all" };
  const ms = last === null ? undefined : spanOf(last);
  return ms === undefined || ms === 0 ? USUAL : { kind: "last", ms };
}

export function describeWindow(window: Window): string {
  if (window.kind === "all") return "all times";
  if (window.kind === "last") {
    const known = LASTS.find((each) => each.ms === window.ms);
    return `the last ${known?.label ?? `${Math.round(window.ms / 1_000)} s`}`;
  }
  const iso = (at: number) => new Date(at).toISOString().slice(0, 16).replace("T", " ");
  return `${window.from === undefined ? "" : `from ${iso(window.from)} `}${window.to === undefined ? "" : `to ${iso(window.to)} `}UTC`;
}
