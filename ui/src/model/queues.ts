/** Queues as they stand: what waits, who polls, and what differs from the last look. */
import { found } from "./definitions";
import { relative } from "./duration";

export interface Poller {
  workerId?: string | null | undefined;
  domain?: string | null | undefined;
  lastPollTime: number;
}
export interface Queue {
  taskType: string;
  domain?: string | null | undefined;
  ready: number;
  delayed: number;
  leased: number;
  /** Since when the oldest ready task waits. */
  oldest?: number | null | undefined;
  pollers: readonly Poller[];
}

/** A worker that has not polled for so long counts as gone: long polls ask again every minute at the latest. */
export const GONE_AFTER = 120_000;

/** As Conductor writes a queue: the domain before the type. */
export const queueId = (queue: { taskType: string; domain?: string | null | undefined }): string =>
  queue.domain ? `${queue.domain}:${queue.taskType}` : queue.taskType;

export const waiting = (queue: Queue): number => queue.ready + queue.delayed;
export const lastPoll = (queue: Queue): number => queue.pollers.reduce((last, each) => Math.max(last, each.lastPollTime), 0);
export const alive = (queue: Queue, now: number): number => queue.pollers.filter((each) => now - each.lastPollTime < GONE_AFTER).length;

/** Tasks wait, and nobody takes them. */
export const unpolled = (queue: Queue, now: number): boolean => waiting(queue) + queue.leased > 0 && alive(queue, now) === 0;

/** `3 workers, last 2 s ago`; of a queue that nobody polls, since when. */
export function workersText(queue: Queue, now: number): string {
  const living = alive(queue, now);
  const last = lastPoll(queue);
  if (living > 0) return `${living} ${living === 1 ? "worker" : "workers"}, last ${relative(last, now)}`;
  return last > 0 ? `Nobody polls (last ${relative(last, now)})` : "Nobody has polled";
}

export type QueueSet = "all" | "tasks" | "unpolled";

export function inSet(queue: Queue, set: QueueSet, now: number): boolean {
  if (set === "tasks") return waiting(queue) + queue.leased > 0;
  return set === "all" || unpolled(queue, now);
}

export const queueFound = (queue: Queue, filter: string): boolean =>
  found(filter, queue.taskType, queue.domain, ...(filter.length > 2 ? queue.pollers.map((each) => each.workerId) : []));

/** All queues at one instant. */
export interface Look {
  at: number;
  queues: readonly Queue[];
}

/** By how many tasks a second each queue grew between two looks; looks that lie too close say nothing. */
export function growth(before: Look | undefined, now: Look): ReadonlyMap<string, number> {
  const by = new Map<string, number>();
  const seconds = before ? (now.at - before.at) / 1_000 : 0;
  if (!before || seconds < 1) return by;
  const all = (queue: Queue) => waiting(queue) + queue.leased;
  const then = new Map(before.queues.map((queue) => [queueId(queue), all(queue)]));
  for (const queue of now.queues) by.set(queueId(queue), (all(queue) - (then.get(queueId(queue)) ?? 0)) / seconds);
  return by;
}

/** `+2.5/s`, `−30/s`; a standstill is a dash. */
export function growthText(rate: number | undefined): string {
  if (rate === undefined || Math.abs(rate) < 0.05) return "–";
  const size = Math.abs(rate);
  return `${rate > 0 ? "+" : "−"}${size < 10 ? size.toFixed(1) : Math.round(size)}/s`;
}
