/** One verb on many runs: what it means, in numbers, before it is done. */
import { byIds, type Ask } from "./search";
import { NAMES as NAMES_OF_STATUS, RUN_STATUSES, runStatus, type Verb } from "./status";

export type BulkVerb = Extract<Verb, "retry" | "restart" | "pause" | "resume" | "terminate" | "remove">;
export const BULK_VERBS: readonly BulkVerb[] = ["retry", "restart", "pause", "resume", "terminate", "remove"];

export interface BulkChoices {
  reason: string;
  latestDefinition: boolean;
  archive: boolean;
}

/** What it is about: runs that somebody selected, or all that a question finds. */
export type Scope = { kind: "ids"; ids: readonly string[] } | { kind: "query"; ask: Ask };

/** Ids in one question, so that its text stays well under the server's 64 kB. */
export const IDS_AT_ONCE = 1_000;
/** The server takes no more runs in one operation. */
export const CAP = 100_000;

/** Ids in the address of a request: proxies refuse addresses of more than 8 kB. */
export const IDS_IN_ADDRESS = 150;

/** The questions of a scope. */
export function asks(scope: Scope, atOnce: number = IDS_AT_ONCE): readonly Ask[] {
  if (scope.kind === "query") return [scope.ask];
  const parts: Ask[] = [];
  for (let at = 0; at < scope.ids.length; at += atOnce) {
    parts.push({ query: byIds(scope.ids.slice(at, at + atOnce)), freeText: "" });
  }
  return parts;
}

export type Counts = Readonly<Record<string, number>>;

export function sum(parts: readonly Counts[]): Counts {
  const all: Record<string, number> = {};
  for (const part of parts) for (const [name, count] of Object.entries(part)) all[name] = (all[name] ?? 0) + count;
  return all;
}

export const totalOf = (counts: Counts): number => Object.values(counts).reduce((all, count) => all + count, 0);

const anyStatus = (verb: BulkVerb, choices: BulkChoices): boolean => verb === "remove" && !choices.archive;

/** Those that the verb is for, by their status now, and the others, which are left as they are. */
export function fitting(verb: BulkVerb, counts: Counts, choices: BulkChoices): { fit: number; others: readonly [string, number][] } {
  const fits = (name: string) => anyStatus(verb, choices) || runStatus(name).verbs.includes(verb);
  const others = Object.entries(counts).filter(([name, count]) => count > 0 && !fits(name));
  return { fit: totalOf(counts) - others.reduce((all, [, count]) => all + count, 0), others };
}

/** The same question, of runs only that the verb is for. */
export function narrowed(verb: BulkVerb, ask: Ask, choices: BulkChoices): Ask {
  if (anyStatus(verb, choices)) return ask;
  const names = RUN_STATUSES.filter((status) => status.verbs.includes(verb)).map((status) => `'${status.name}'`);
  return { ...ask, query: [ask.query, `status IN (${names.join(", ")})`].filter((part) => part !== "").join(" AND ") };
}

export const runs = (count: number): string => `${count.toLocaleString("en")} ${count === 1 ? "run" : "runs"}`;

const NAMES: Readonly<Record<BulkVerb, string>> = {
  retry: "Retry",
  restart: "Restart",
  pause: "Pause",
  resume: "Resume",
  terminate: "Terminate",
  remove: "Remove",
};
export const verbName = (verb: BulkVerb, choices?: BulkChoices): string =>
  verb === "remove" && choices ? (choices.archive ? "Archive" : "Delete") : NAMES[verb];

/** What happens to each of them, in a sentence. */
export function effect(verb: BulkVerb, choices: BulkChoices): string {
  switch (verb) {
    case "retry":
      return "Each goes on where it failed: failed and cancelled tasks run again, what succeeded is kept.";
    case "restart":
      return `Each begins again from its first task${choices.latestDefinition ? ", by the latest version of its definition" : ""}: all results are discarded.`;
    case "pause":
      return "In each nothing new begins until it is resumed.";
    case "resume":
      return "Each goes on where it was paused.";
    case "terminate":
      return "Each ends now: its open tasks and sub-workflows are cancelled. What tasks did outside is not undone.";
    case "remove":
      return choices.archive
        ? "Each is archived: searches still find it, but nothing can be done with it any more."
        : "Each is deleted with its tasks and logs, in whatever state it is. This cannot be undone.";
  }
}

/** Those that cannot simply be taken back. */
export const grave = (verb: BulkVerb): boolean => verb === "terminate" || verb === "remove" || verb === "restart";

/** What the server tells of an operation. */
export interface BulkOperation {
  operationId: string;
  operation: string;
  status: string;
  query: string;
  freeText: string;
  matched: number;
  total: number;
  pending: number;
  succeeded: number;
  failed: number;
  stopped: number;
  createdAt: number;
  endedAt?: number | null | undefined;
  actor?: string | null | undefined;
}
export interface Progress {
  total: number;
  pending: number;
  succeeded: number;
  failed: number;
  stopped: number;
  running: boolean;
}

export function progress(operations: readonly BulkOperation[]): Progress {
  const add = (pick: (each: BulkOperation) => number) => operations.reduce((all, each) => all + pick(each), 0);
  return {
    total: add((each) => each.total),
    pending: add((each) => each.pending),
    succeeded: add((each) => each.succeeded),
    failed: add((each) => each.failed),
    stopped: add((each) => each.stopped),
    running: operations.some((each) => each.status === NAMES_OF_STATUS.running),
  };
}
