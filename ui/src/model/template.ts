/** What a task was to be given (`${…}`) beside what it was given. */
import { kindOf, member } from "./json";
import { baseName, definitionTasks, type Definition, type DefinitionTask } from "./run";

export interface TemplatePart {
  readonly text: string;
  /** What stands between `${` and `}`; absent in plain text. */
  readonly expression?: string;
  /** The task that the expression names; absent for `workflow` and for functions. */
  readonly reference?: string;
}

/** Text and expressions in their order. `$${` is plain text; a `${` that never ends is too. */
export function templateParts(text: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let reached = 0;
  for (const found of text.matchAll(/(\$?)\$\{([^{}]*)\}/g)) {
    if (found[1] === "$") continue;
    if (found.index > reached) parts.push({ text: text.slice(reached, found.index) });
    const expression = (found[2] ?? "").trim();
    const reference = /^([^.[\s]+)/.exec(expression)?.[1];
    parts.push({ text: found[0], expression, ...(reference && reference !== "workflow" ? { reference } : {}) });
    reached = found.index + found[0].length;
  }
  if (reached < text.length) parts.push({ text: text.slice(reached) });
  return parts;
}

export interface Given {
  readonly path: string;
  /** A text with expressions, or a value as it is. */
  readonly template: unknown;
  readonly resolved: unknown;
  /** The input has no such member. */
  readonly absent: boolean;
}

/** Each leaf of the template beside what stands there in the input. Inputs that no template gave follow at the end. */
export function beside(template: unknown, input: unknown): { given: Given[]; extra: Given[] } {
  const given: Given[] = [];
  const walk = (wanted: unknown, got: unknown, path: string, absent: boolean): void => {
    const kind = kindOf(wanted);
    const size = kind === "object" ? Object.keys(wanted as object).length : kind === "array" ? (wanted as unknown[]).length : 0;
    if (size === 0) {
      given.push({ path, template: wanted, resolved: got, absent });
      return;
    }
    const entries: [string | number, unknown][] =
      kind === "array" ? (wanted as unknown[]).map((each, i) => [i, each]) : Object.entries(wanted as object);
    for (const [key, each] of entries) {
      const there = typeof got === "object" && got !== null && Object.hasOwn(got, key);
      walk(each, there ? (got as Record<string | number, unknown>)[key] : undefined, member(path, key), !there);
    }
  };
  const names = kindOf(template) === "object" ? Object.keys(template as object) : [];
  if (names.length > 0) walk(template, input, "", false);
  const extra = (kindOf(input) === "object" ? Object.entries(input as object) : [])
    .filter(([name]) => !names.includes(name))
    .map(([name, value]): Given => ({ path: member("", name), template: undefined, resolved: value, absent: false }));
  return { given, extra };
}

/** The definition of a task of a run: by its own name, else by its name without the numbers of iterations. */
export function definitionOf(definition: Definition, reference: string): DefinitionTask | undefined {
  const all = definitionTasks(definition);
  const base = baseName(reference);
  return all.find((task) => task.taskReferenceName === reference) ?? all.find((task) => task.taskReferenceName === base);
}
