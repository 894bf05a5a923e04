/** The one description of a form: what a node asks, and where its answer lies. Forms are drawn from it, and nothing else knows the members. */
import { isMembers, without, type Members } from "./document";

export type FieldType =
  | "text"
  | "long"
  | "number"
  | "switch"
  | "select"
  /** A text in which `${…}` is completed. */
  | "expression"
  | "script"
  /** Any JSON. */
  | "json"
  /** Names with values, each with completion. */
  | "parameters"
  /** Names, one a line. */
  | "names"
  /** An object's address in a store; a file can be put there. */
  | "uri";

export interface Option {
  value: string;
  label: string;
}

export interface Field {
  /** Where it lies, with dots: `inputParameters.http_request.uri`. */
  name: string;
  label: string;
  type: FieldType;
  default?: unknown;
  options?: readonly Option[];
  help?: string;
  placeholder?: string;
  required?: boolean;
  /** It is asked only while another field has this value. */
  when?: { field: string; is: unknown };
}

const TYPES = new Set<string>([
  "text",
  "long",
  "number",
  "switch",
  "select",
  "expression",
  "script",
  "json",
  "parameters",
  "names",
  "uri",
] satisfies FieldType[]);

/** What other descriptions call the types. */
const ALIASES: Readonly<Record<string, FieldType>> = {
  string: "text",
  textarea: "long",
  longText: "long",
  boolean: "switch",
  bool: "switch",
  checkbox: "switch",
  integer: "number",
  choice: "select",
  enum: "select",
  object: "json",
  list: "names",
  file: "uri",
};

/** A field as a server describes it; a type that this page does not know is a text. */
export function readField(value: unknown): Field | undefined {
  if (!isMembers(value) || typeof value["name"] !== "string" || value["name"] === "") return undefined;
  // what is made of the other fields is asked of nobody
  if (value["derived"] === true) return undefined;
  const { name, label, type, options, help, placeholder, when } = value;
  const known = typeof type === "string" ? (TYPES.has(type) ? (type as FieldType) : ALIASES[type]) : undefined;
  const choices = Array.isArray(options) ? options.map(readOption).filter((option) => option !== undefined) : [];
  return {
    name,
    label: typeof label === "string" && label !== "" ? label : name,
    type: known ?? (choices.length > 0 ? "select" : "text"),
    ...("default" in value && value["default"] !== null ? { default: value["default"] } : {}),
    ...(choices.length > 0 ? { options: choices } : {}),
    ...(typeof help === "string" && help !== "" ? { help } : {}),
    ...(typeof placeholder === "string" ? { placeholder } : {}),
    ...(isMembers(when) && typeof when["field"] === "string" ? { when: { field: when["field"], is: when["is"] } } : {}),
    ...(value["required"] === true ? { required: true } : {}),
  };
}

function readOption(value: unknown): Option | undefined {
  if (typeof value === "string" || typeof value === "number") return { value: String(value), label: String(value) };
  if (!isMembers(value)) return undefined;
  const own = value["value"] ?? value["id"];
  if (typeof own !== "string" && typeof own !== "number") return undefined;
  return { value: String(own), label: typeof value["label"] === "string" ? value["label"] : String(own) };
}

export function getAt(members: Members, path: string): unknown {
  let at: unknown = members;
  for (const part of path.split(".")) {
    if (!isMembers(at)) return undefined;
    at = at[part];
  }
  return at;
}

/** The members with another value at a place; undefined takes it away, and objects that this leaves empty below the top. */
export function setAt(members: Members, path: string, value: unknown): Members {
  const dot = path.indexOf(".");
  if (dot < 0) {
    if (value !== undefined) return { ...members, [path]: value };
    return without(members, path);
  }
  const head = path.slice(0, dot);
  const inner = isMembers(members[head]) ? members[head] : {};
  const next = setAt(inner, path.slice(dot + 1), value);
  if (value === undefined && Object.keys(next).length === 0 && head !== "inputParameters") return setAt(members, head, undefined);
  return { ...members, [head]: next };
}

/** Members that no field shows: they stay, and are edited as JSON. */
export function furtherMembers(members: Members, fields: readonly Field[], hidden: readonly string[] = []): Members {
  let rest = members;
  for (const name of hidden) rest = setAt(rest, name, undefined);
  for (const field of fields) if (getAt(rest, field.name) !== undefined) rest = setAt(rest, field.name, undefined);
  const { inputParameters, ...others } = rest;
  // what is left of the parameters has a field of its own
  return isMembers(inputParameters) && Object.keys(inputParameters).length > 0 ? { ...others, inputParameters } : others;
}

/** Puts other further members in the place of the ones that were there. */
export function withFurtherMembers(members: Members, fields: readonly Field[], hidden: readonly string[], further: Members): Members {
  let next: Members = merge({}, further);
  for (const name of [...hidden, ...fields.map((field) => field.name)]) {
    const value = getAt(members, name);
    if (value !== undefined) next = setAt(next, name, value);
  }
  return next;
}

function merge(into: Members, from: Members): Members {
  const next = { ...into };
  for (const [name, value] of Object.entries(from)) next[name] = isMembers(value) ? merge({}, value) : value;
  return next;
}

/** Whether a field is asked with these answers to the others. */
export function isAsked(field: Field, members: Members, fields: readonly Field[]): boolean {
  if (!field.when) return true;
  const other = field.when.field;
  const value = getAt(members, other) ?? fields.find((each) => each.name === other)?.default;
  return value === field.when.is;
}
