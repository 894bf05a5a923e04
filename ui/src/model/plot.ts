/** From answers to what is drawn and read out. Pure. */
import { duration } from "./duration";

export const WINDOWS = [
  { name: "15m", title: "15 minutes", ms: 900_000 },
  { name: "1h", title: "1 hour", ms: 3_600_000 },
  { name: "24h", title: "24 hours", ms: 86_400_000 },
  { name: "7d", title: "7 days", ms: 604_800_000 },
] as const;

export const windowOf = (name: string) => WINDOWS.find((window) => window.name === name) ?? WINDOWS[1];

interface Counted {
  at: number;
  started: number;
  completed: number;
  failed: number;
  timedOut: number;
  terminated: number;
  running: number;
  p50?: number | null;
  p95?: number | null;
  p99?: number | null;
}

const sum = (buckets: readonly Counted[], of: (bucket: Counted) => number): number => buckets.reduce((all, one) => all + of(one), 0);

/** One sentence for those who listen, and for those who only glance. */
export function throughputInWords(buckets: readonly Counted[], window: string): string {
  const started = sum(buckets, (b) => b.started);
  if (started === 0) return `No run began in the last ${window}.`;
  const failed = sum(buckets, (b) => b.failed + b.timedOut);
  const busiest = buckets.reduce((most, one) => (one.started > most.started ? one : most));
  return `${started} runs began in the last ${window}, at most ${busiest.started} in one part; ${sum(buckets, (b) => b.completed)} completed, ${failed} failed or timed out, ${sum(buckets, (b) => b.running)} are open.`;
}

export function latencyInWords(buckets: readonly Counted[]): string {
  const slowest = buckets.filter((b) => b.p99 != null).sort((a, b) => (b.p99 ?? 0) - (a.p99 ?? 0))[0];
  if (!slowest) return "No run that began in this time has ended.";
  return `At its slowest, half of the runs took at most ${duration(slowest.p50 ?? 0)} and 99 of 100 at most ${duration(slowest.p99 ?? 0)}.`;
}

/** What of a service's rows was good, and why the rest was not; the largest reasons first, rare ones together. */
export function reasons(counted: readonly { reason: string; count: number }[], shown = 6): { reason: string; count: number }[] {
  const sorted = [...counted].sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
  const rest = sorted.slice(shown).reduce((all, one) => all + one.count, 0);
  return rest === 0 ? sorted : [...sorted.slice(0, shown), { reason: `${sorted.length - shown} other reasons`, count: rest }];
}

/** `12 %`; of nothing: a dash. */
export const share = (part: number, whole: number): string => (whole === 0 ? "–" : `${((100 * part) / whole).toFixed(part * 1_000 < whole && part > 0 ? 2 : 1)} %`);
