/** What a node of a diagram says. Cards with equal content are the same object from one picture to the next. */
import { duration } from "./duration";
import type { TaskRow } from "./run";
import { NOT_REACHED, taskStatus, type Status } from "./status";
import type { Item, Kind } from "./structure";

export interface Count {
  readonly status: Status;
  readonly count: number;
}

/** Of something that is shown in part: which part. */
export interface Part {
  readonly what: "iteration" | "page";
  /** From 1. */
  readonly shown: number;
  readonly of: number;
}

export interface Card {
  readonly kind: Kind | "start" | "end" | "wait";
  /** As the run names it; empty for what is no task. */
  readonly ref: string;
  /** The latest attempt, if there is one. */
  readonly taskId: string;
  readonly title: string;
  readonly type: string;
  /** Null where no run is shown. */
  readonly status: Status | null;
  /** On the way that the run took; without a run everything is. */
  readonly lit: boolean;
  readonly attempts: number;
  /** Milliseconds from start to end, of what has ended. */
  readonly took: number | null;
  /** When it began, of what goes on. */
  readonly since: number | null;
  readonly detail: string;
  readonly optional: boolean;
  /** Null: has nothing to fold. */
  readonly fold: "open" | "folded" | null;
  /** What a folded card holds. */
  readonly counts: readonly Count[];
  readonly part: Part | null;
  /** The run that a sub-workflow started. */
  readonly child: string | null;
  /** The run that this task belongs to, if it is not the one of the page; empty for a task of another definition. */
  readonly run: string | null;
  /** All of it in one line, for whoever hears it. */
  readonly label: string;
}

const words = (...parts: readonly (string | false)[]): string => parts.filter(Boolean).join(", ");
export const many = (count: number, one: string, more = `${one}s`): string => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

/** `3 completed, 1 failed`. */
export const countWords = (counts: readonly Count[]): string =>
  counts.map((each) => `${each.count.toLocaleString("en")} ${each.status.label.toLowerCase()}`).join(", ");

/** The most common status first. */
export class Tally {
  readonly #counts = new Map<string, number>();
  add(status: string, count = 1): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + count);
  }
  counts(): Count[] {
    return [...this.#counts]
      .map(([name, count]) => ({ status: name === "" ? NOT_REACHED : taskStatus(name), count }))
      .sort((a, b) => b.count - a.count || a.status.name.localeCompare(b.status.name));
  }
  get total(): number {
    let sum = 0;
    for (const count of this.#counts.values()) sum += count;
    return sum;
  }
}

export type Facts = Partial<Omit<Card, "label">> & Pick<Card, "kind" | "title">;

/** A card of these facts; what is not said is absent. */
export function card(facts: Facts): Card {
  const all = { ref: "", taskId: "", type: "", status: null, lit: true, attempts: 0, took: null, since: null, detail: "", optional: false, fold: null, counts: [], part: null, child: null, run: null, ...facts }; // prettier-ignore
  return { ...all, label: labelOf(all) };
}

function labelOf(facts: Omit<Card, "label">): string {
  return words(
    facts.title,
    facts.type !== facts.title && facts.type,
    facts.status !== null && facts.status.label.toLowerCase(),
    facts.attempts > 1 && many(facts.attempts, "attempt"),
    facts.took !== null && duration(facts.took),
    facts.optional && "optional",
    facts.part !== null && `${facts.part.what} ${facts.part.shown} of ${facts.part.of}`,
    facts.fold === "folded" && (facts.counts.length > 0 ? `folded: ${countWords(facts.counts)}` : "folded"),
    facts.fold === "open" && "unfolded",
  );
}

/** What the attempts of a task say about it. */
export function facts(item: Pick<Item, "kind" | "ref" | "name" | "type" | "detail" | "optional">, attempts: readonly TaskRow[] | null): Facts {
  const about = { kind: item.kind, ref: item.ref, title: item.ref || item.name, type: item.type, detail: item.detail, optional: item.optional };
  if (attempts === null) return about;
  const last = attempts.at(-1);
  if (!last) return { ...about, status: NOT_REACHED, lit: false };
  const status = taskStatus(last.status);
  const took = status.ended && last.startTime > 0 && last.endTime > 0 ? Math.max(0, last.endTime - last.startTime) : null;
  return {
    ...about,
    ref: last.referenceTaskName,
    taskId: last.taskId,
    status,
    attempts: attempts.length,
    took,
    since: status.ended ? null : last.startTime || last.scheduledTime || null,
    ...(item.kind === "subWorkflow" ? { child: last.subWorkflowId } : {}),
    ...(item.kind === "switch" && last.caseOutput !== null ? { detail: `took ${last.caseOutput}` } : {}),
  };
}

export function sameCard(a: Card, b: Card): boolean {
  for (const key of Object.keys(a) as (keyof Card)[]) {
    if (a[key] === b[key]) continue;
    if (key === "counts" ? !sameCounts(a.counts, b.counts) : key === "part" ? !samePart(a.part, b.part) : key === "status" ? a.status?.name !== b.status?.name : true) return false;
  }
  return true;
}
const sameCounts = (a: readonly Count[], b: readonly Count[]): boolean =>
  a.length === b.length && a.every((each, i) => each.count === b[i]?.count && each.status.name === b[i]?.status.name);
const samePart = (a: Part | null, b: Part | null): boolean => a?.what === b?.what && a?.shown === b?.shown && a?.of === b?.of;
