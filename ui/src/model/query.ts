/**
 * The filter language of the run list. A filter is clauses (the chips) and free words, and the same thing as one line of text:
 *
 *     workflow:order status:FAILED,TIMED_OUT -reason:"no route" took:>5m correlation:none lost parcel
 *
 * A value with blanks, commas or quotes stands in double quotes, with a backslash before a quote or a backslash. `none` and `any` ask whether
 * there is a value at all; a quoted "none" is a value. What follows no known field is a word of the free text.
 */

export type FieldKind = "text" | "status" | "int" | "time" | "duration" | "payload" | "flag" | "query";

export interface Field {
  /** As it is typed. */
  readonly name: string;
  /** As a label. */
  readonly label: string;
  /** The server's name of it; empty for those that are no field of a run. */
  readonly wire: string;
  readonly kind: FieldKind;
  /** A text that is looked for anywhere in the value. */
  readonly within?: boolean;
  readonly hint: string;
}

const field = (name: string, label: string, wire: string, kind: FieldKind, hint: string, within = false): Field => ({
  name,
  label,
  wire,
  kind,
  hint,
  ...(within ? { within } : {}),
});

/** In the order in which people ask for them. */
export const FIELDS: readonly Field[] = [
  field("workflow", "Workflow", "workflowType", "text", "name; * is any text"),
  field("status", "Status", "status", "status", "one or more, by comma"),
  field("correlation", "Correlation id", "correlationId", "text", "exact; * is any text"),
  field("id", "Workflow id", "workflowId", "text", "exact; * is any text"),
  field("reason", "Reason", "reasonForIncompletion", "text", "words of it", true),
  field("failed", "Failed task", "failedReferenceTaskNames", "text", "reference name, or a part", true),
  field("top", "Top-level only", "parentWorkflowId", "flag", "yes or no"),
  field("parent", "Parent", "parentWorkflowId", "text", "workflow id"),
  field("took", "Duration", "executionTime", "duration", "for instance >5m, <300ms"),
  field("started", "Started", "startTime", "time", "for instance >=2026-11-23T10:00Z"),
  field("ended", "Ended", "endTime", "time", "for instance <2026-11-23"),
  field("updated", "Updated", "updateTime", "time", "for instance >=2026-11-23"),
  field("version", "Version", "version", "int", "number"),
  field("priority", "Priority", "priority", "int", "number"),
  field("event", "Event", "event", "text", "that started it"),
  field("kind", "Classifier", "classifier", "text", "of the definition"),
  field("input", "Input", "input", "payload", "words in it"),
  field("output", "Output", "output", "payload", "words in it"),
  field("where", "Query", "", "query", "a clause of the server's own query language"),
];

const BY_NAME = new Map(FIELDS.map((each) => [each.name, each]));
export const fieldOf = (name: string): Field | undefined => BY_NAME.get(name);

export type Op = "is" | ">" | ">=" | "<" | "<=" | "none" | "any";
export interface Clause {
  readonly field: string;
  readonly not: boolean;
  readonly op: Op;
  /** Empty for `none` and `any`; one for comparisons. */
  readonly values: readonly string[];
}
export interface Filter {
  readonly clauses: readonly Clause[];
  /** Free text: words, and phrases in double quotes. */
  readonly words: string;
}
/** Why a part of a text is no filter. */
export interface Problem {
  readonly at: number;
  readonly text: string;
  readonly message: string;
}

export const NOTHING: Filter = { clauses: [], words: "" };

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `5m`, `300ms`, `1.5h`; a bare number counts as milliseconds. */
export function spanOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  return match ? Math.round(Number(match[1]) * (UNITS[match[2] ?? "ms"] ?? 1)) : undefined;
}

/** Milliseconds since 1970 of a date, a date with a time, or a number of milliseconds. */
export function instantOf(text: string): number | undefined {
  if (/^\d{9,}$/.test(text.trim())) return Number(text);
  const at = /^\d{4}-\d\d-\d\d/.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** What is wrong with a value of a field, in words; nothing if it can be asked for. */
function fault(known: Field, op: Op, values: readonly string[]): string | undefined {
  if (op === "none" || op === "any") return undefined;
  if (values.length === 0 || values.every((value) => value === "")) return `${known.name} has no value: ${known.hint}`;
  if (op !== "is" && known.kind !== "int" && known.kind !== "time" && known.kind !== "duration")
    return `${known.name} cannot be compared with ${op}`;
  for (const value of values) {
    if (known.kind === "int" && !/^-?\d+$/.test(value)) return `${known.name} is compared with “${value}”, which is no whole number`;
    if (known.kind === "duration" && spanOf(value) === undefined)
      return `${known.name} is compared with “${value}”, which is no time such as 5m or 300ms`;
    if (known.kind === "time" && instantOf(value) === undefined)
      return `${known.name} is compared with “${value}”, which is no time such as 2026-11-23T10:00Z`;
    if (known.kind === "flag" && value !== "yes" && value !== "no") return `${known.name} is yes or no`;
  }
  return undefined;
}

interface Piece {
  text: string;
  quoted: boolean;
}

/** Reads a text from its beginning to its end, once. */
class Reader {
  at = 0;
  constructor(readonly text: string) {}

  get rest(): string {
    return this.text.slice(this.at);
  }
  takes(pattern: RegExp): RegExpExecArray | null {
    const match = pattern.exec(this.rest);
    if (match) this.at += match[0].length;
    return match;
  }
  /** A value in quotes, or a bare one up to a blank or one of `ends`. A quote without an end goes to the end of the text. */
  piece(ends: RegExp): Piece {
    const quoted = this.takes(/^"((?:[^"\\]|\\[^])*)("|\\?$)/);
    if (quoted) return { text: (quoted[1] ?? "").replace(/\\([^])/g, "$1"), quoted: true };
    return { text: this.takes(ends)?.[0] ?? "", quoted: false };
  }
}

/** Reads a filter. What cannot be read is said in `problems` and left out of the filter. */
export function parse(text: string): { filter: Filter; problems: readonly Problem[] } {
  const reader = new Reader(text);
  const clauses: Clause[] = [];
  const words: string[] = [];
  const problems: Problem[] = [];
  for (reader.takes(/^\s+/); reader.at < text.length; reader.takes(/^\s+/)) {
    const at = reader.at;
    const head = reader.takes(/^(-?)([A-Za-z]+):(?![/*])/);
    const known = head ? fieldOf((head[2] ?? "").toLowerCase()) : undefined;
    if (!head) {
      const piece = reader.piece(/^[^\s"]+/);
      if (piece.text !== "") words.push(piece.quoted ? phrase(piece.text) : piece.text);
      continue;
    }
    const op = (reader.takes(/^(>=|<=|>|<)/)?.[0] ?? "is") as Op;
    const pieces = [reader.piece(/^[^\s",]+/)];
    while (reader.takes(/^,/)) pieces.push(reader.piece(/^[^\s",]+/));
    const taken = text.slice(at, reader.at);
    if (!known) {
      problems.push({ at, text: taken, message: `there is no field “${head[2]}”; to look for the text itself, put it in double quotes` });
      continue;
    }
    const made = clause(known, head[1] === "-", op, pieces);
    const wrong = fault(known, made.op, made.values);
    if (wrong === undefined) clauses.push(made);
    else problems.push({ at, text: taken, message: wrong });
  }
  return { filter: { clauses, words: words.join(" ") }, problems };
}

function clause(known: Field, not: boolean, op: Op, pieces: readonly Piece[]): Clause {
  const [only] = pieces;
  if (op === "is" && pieces.length === 1 && only && !only.quoted && (only.text === "none" || only.text === "any") && known.kind !== "flag")
    return { field: known.name, not, op: only.text, values: [] };
  const values = pieces.map((piece) => value(known, piece.text)).filter((each, i, all) => all.indexOf(each) === i);
  return { field: known.name, not, op, values: op === "is" ? values.filter((each) => each !== "") : values.slice(0, 1) };
}

const value = (known: Field, text: string): string =>
  known.kind === "status" ? text.trim().toUpperCase().replaceAll(" ", "_") : known.kind === "flag" ? text.toLowerCase() : text;

const phrase = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** A value as it must be typed. */
export function quoted(text: string): string {
  return text === "" || text === "none" || text === "any" || /^[<>]|[\s",\\]/.test(text) ? phrase(text) : text;
}

export function formatClause(each: Clause): string {
  const what = each.op === "none" || each.op === "any" ? each.op : (each.op === "is" ? "" : each.op) + each.values.map(quoted).join(",");
  return `${each.not ? "-" : ""}${each.field}:${what}`;
}

/** The text of a filter: `parse` reads the same filter from it. */
export const format = (filter: Filter): string =>
  [...filter.clauses.map(formatClause), filter.words].filter((part) => part !== "").join(" ");

/** What a chip says. */
export function describe(each: Clause): string {
  const label = fieldOf(each.field)?.label ?? each.field;
  if (fieldOf(each.field)?.kind === "flag") return (each.values[0] === "yes") === each.not ? `Sub-workflows only` : label;
  if (each.op === "none" || each.op === "any") return `${label}: ${(each.op === "none") === each.not ? "any" : "none"}`;
  const joined = each.values.join(" or ");
  return each.op === "is" ? `${label}${each.not ? " is not" : ":"} ${joined}` : `${label} ${each.not ? "not " : ""}${each.op} ${joined}`;
}

/** The values that a filter names for a field by `is`. */
export const valuesOf = (filter: Filter, name: string): readonly string[] =>
  filter.clauses.find((each) => each.field === name && !each.not && each.op === "is")?.values ?? [];

/** The same filter with other values for a field; none takes the field out. Its place among the chips stays. */
export function withValues(filter: Filter, name: string, values: readonly string[]): Filter {
  const mine = (each: Clause) => each.field === name && !each.not && each.op === "is";
  const made: Clause = { field: name, not: false, op: "is", values };
  if (values.length === 0) return { ...filter, clauses: filter.clauses.filter((each) => !mine(each)) };
  if (!filter.clauses.some(mine)) return { ...filter, clauses: [...filter.clauses, made] };
  return { ...filter, clauses: filter.clauses.map((each) => (mine(each) ? made : each)) };
}

/** The same filter without one field, whatever is asked of it. */
export const without = (filter: Filter, name: string): Filter => ({
  ...filter,
  clauses: filter.clauses.filter((each) => each.field !== name),
});
