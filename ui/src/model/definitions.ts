/** Lists of definitions, and what a definition is made of. */

export interface Versioned {
  name: string;
  version: number;
  createTime?: number | null | undefined;
  updateTime?: number | null | undefined;
}
/** A definition as a list shows it. */
export interface DefinitionRow {
  name: string;
  latest: number;
  versions: number;
  /** When the latest version was written last. */
  changed: number;
}

export function definitionRows(names: Readonly<Record<string, readonly Versioned[]>>): DefinitionRow[] {
  const rows: DefinitionRow[] = [];
  for (const [name, versions] of Object.entries(names)) {
    const latest = versions.reduce<Versioned | undefined>((best, each) => (best && best.version >= each.version ? best : each), undefined);
    if (latest) rows.push({ name, latest: latest.version, versions: versions.length, changed: latest.updateTime || latest.createTime || 0 });
  }
  return rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Whether every word of the filter is somewhere in the texts, in upper or lower case. */
export function found(filter: string, ...texts: readonly (string | null | undefined)[]): boolean {
  const all = texts.join(" ").toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** `1 definition`, `12 definitions`, `3 of 10,000 definitions`. */
export function counted(shown: number, all: number, one: string): string {
  const text = (count: number) => count.toLocaleString("en-US");
  const things = `${text(all)} ${all === 1 ? one : `${one}s`}`;
  return shown === all ? things : `${text(shown)} of ${things}`;
}

/** Sorts by a column; what is equal keeps its order. */
export function sorted<Row>(rows: readonly Row[], value: (row: Row) => string | number, descending: boolean): Row[] {
  const sign = descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    return x < y ? -sign : x > y ? sign : 0;
  });
}

/** A task of a workflow, as far as it matters here. Whatever a server sends more is left alone. */
export interface DefinedTask {
  name?: string | null | undefined;
  taskReferenceName?: string | null | undefined;
  type?: string | null | undefined;
  decisionCases?: Readonly<Record<string, readonly DefinedTask[]>> | null | undefined;
  defaultCase?: readonly DefinedTask[] | null | undefined;
  forkTasks?: readonly (readonly DefinedTask[])[] | null | undefined;
  loopOver?: readonly DefinedTask[] | null | undefined;
}

/** Every task, also those inside of cases, branches and loops, in the order of the definition. */
export function allTasks(tasks: readonly DefinedTask[] | null | undefined): DefinedTask[] {
  const list: DefinedTask[] = [];
  for (const task of tasks ?? []) {
    list.push(task);
    for (const body of [...Object.values(task.decisionCases ?? {}), task.defaultCase, ...(task.forkTasks ?? []), task.loopOver]) {
      if (body) list.push(...allTasks(body));
    }
  }
  return list;
}

/** Types for which somebody has to poll, so that a definition of the task matters most. */
const WORKER_TYPES: ReadonlySet<string> = new Set(["SIMPLE", "DYNAMIC"]);

export interface UsedTask {
  name: string;
  type: string;
  references: string[];
  /** Workers poll for it. */
  polled: boolean;
}

/** The names of tasks that are used, each once, with the places where. */
export function usedTasks(tasks: readonly DefinedTask[] | null | undefined): UsedTask[] {
  const by = new Map<string, UsedTask>();
  for (const task of allTasks(tasks)) {
    const name = task.name ?? "";
    const type = task.type ?? "SIMPLE";
    const one = by.get(name) ?? { name, type, references: [], polled: WORKER_TYPES.has(type) };
    one.references.push(task.taskReferenceName ?? "");
    by.set(name, one);
  }
  return [...by.values()];
}
