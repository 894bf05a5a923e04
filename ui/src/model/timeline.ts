/** Where the bars of a timeline stand. Pure: the present is an argument, widths are fractions of what is shown. */
import type { Branch } from "./outline";
import { rowsOf } from "./outline";
import type { Overview, TaskRow } from "./run";
import { taskStatus } from "./status";

export interface Segment {
  readonly kind: "queued" | "executing";
  readonly from: number;
  readonly to: number;
  readonly row: TaskRow;
  /** It grows with the present. */
  readonly live: boolean;
}

/** The bars of the attempts of one task: first it waits in a queue, then somebody works on it. */
export function segments(attempts: readonly TaskRow[], present: number): Segment[] {
  const found: Segment[] = [];
  for (const row of attempts) {
    const { end, live } = endOf(row, present);
    const begin = row.scheduledTime || row.startTime;
    if (begin === 0) continue;
    const start = row.startTime || end;
    if (start > begin) found.push({ kind: "queued", from: begin, to: Math.min(start, end), row, live: live && row.startTime === 0 });
    if (row.startTime > 0) found.push({ kind: "executing", from: row.startTime, to: Math.max(end, row.startTime), row, live });
    // a task that was skipped or cancelled before it began still has its place
    else if (start <= begin) found.push({ kind: "queued", from: begin, to: end, row, live });
  }
  return found;
}

function endOf(row: TaskRow, present: number): { end: number; live: boolean } {
  if (row.endTime > 0) return { end: row.endTime, live: false };
  // an ended status without an end comes from elsewhere: its last change is the best that is known
  if (taskStatus(row.status).ended) return { end: Math.max(row.updateTime, row.startTime, row.scheduledTime), live: false };
  return { end: Math.max(present, row.startTime, row.scheduledTime), live: true };
}

/** From the first to the last instant of all that is in a branch. */
export function extent(branch: Branch, present: number): { from: number; to: number } | undefined {
  let from = Infinity;
  let to = -Infinity;
  for (const row of rowsOf(branch)) {
    const begin = row.scheduledTime || row.startTime;
    if (begin === 0) continue;
    from = Math.min(from, begin);
    to = Math.max(to, endOf(row, present).end);
  }
  return to >= from ? { from, to } : undefined;
}

/** Tasks that wait or hold others together: while only they go on, nothing happens. */
const STILL: ReadonlySet<string> = new Set([
  "WAIT",
  "HUMAN",
  "JOIN",
  "EXCLUSIVE_JOIN",
  "FORK",
  "FORK_JOIN",
  "FORK_JOIN_DYNAMIC",
  "DO_WHILE",
  "SWITCH",
  "DECISION",
  "EVENT",
]);

interface Piece {
  readonly from: number;
  readonly to: number;
  /** Where it begins, in units of the whole. */
  readonly at: number;
  /** How many units it has: its milliseconds, fewer if it is an idle gap. */
  readonly units: number;
  readonly gap: boolean;
}

export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly pieces: readonly Piece[];
  readonly units: number;
}

/** A gap is collapsed if it is longer than this part of all work, and than a second. */
const GAP_OF_WORK = 0.3;
const GAP_LEAST = 1_000;
/** What a collapsed gap keeps, as a part of all work; and all of them together. */
const GAP_KEEPS = 0.04;
const GAPS_KEEP = 0.6;

/** The times of a run on a line. With `collapse`, stretches in which nobody works shrink to a mark. */
export function scale(overview: Overview, present: number, collapse: boolean): Scale {
  const busy: { from: number; to: number }[] = [];
  let from = overview.workflow.startTime || Infinity;
  let to = overview.workflow.endTime || -Infinity;
  for (const row of overview.tasks) {
    const begin = row.scheduledTime || row.startTime;
    if (begin === 0) continue;
    const { end, live } = endOf(row, present);
    from = Math.min(from, begin);
    to = Math.max(to, end);
    if (row.startTime > 0 && !(STILL.has(row.taskType) || (live && row.callbackAfterSeconds > 0))) busy.push({ from: row.startTime, to: end });
  }
  if (!Number.isFinite(from)) from = present;
  to = Math.max(to, from + 1);
  return build(from, to, collapse ? idle(busy, from, to) : []);
}

/** The stretches between the busy ones that are worth collapsing. */
function idle(busy: { from: number; to: number }[], from: number, to: number): { gaps: { from: number; to: number }[]; work: number } | [] {
  busy.sort((a, b) => a.from - b.from);
  const gaps: { from: number; to: number }[] = [];
  let work = 0;
  let reached = from;
  for (const stretch of busy) {
    if (stretch.from > reached) gaps.push({ from: reached, to: stretch.from });
    work += Math.max(0, stretch.to - Math.max(reached, stretch.from));
    reached = Math.max(reached, stretch.to);
  }
  if (to > reached) gaps.push({ from: reached, to });
  if (work === 0) return [];
  return { gaps: gaps.filter((gap) => gap.to - gap.from > Math.max(GAP_LEAST, work * GAP_OF_WORK)), work };
}

function build(from: number, to: number, found: ReturnType<typeof idle>): Scale {
  const { gaps, work } = Array.isArray(found) ? { gaps: [], work: 0 } : found;
  const each = gaps.length === 0 ? 0 : Math.min(work * GAP_KEEPS, (work * GAPS_KEEP) / gaps.length);
  const pieces: Piece[] = [];
  let units = 0;
  const add = (begin: number, end: number, size: number, gap: boolean): void => {
    if (end <= begin) return;
    pieces.push({ from: begin, to: end, at: units, units: size, gap });
    units += size;
  };
  let reached = from;
  for (const gap of gaps) {
    add(reached, gap.from, gap.from - reached, false);
    add(gap.from, gap.to, each, true);
    reached = gap.to;
  }
  add(reached, to, to - reached, false);
  return { from, to, pieces, units };
}

/** Where an instant stands, 0 to 1. */
export function place(line: Scale, time: number): number {
  const at = Math.max(line.from, Math.min(line.to, time));
  const piece = search(line.pieces, (each) => each.to >= at);
  if (!piece) return 1;
  return (piece.at + ((at - piece.from) / (piece.to - piece.from)) * piece.units) / line.units;
}

/** The instant at a place. */
export function instant(line: Scale, fraction: number): number {
  const unit = Math.max(0, Math.min(1, fraction)) * line.units;
  const piece = search(line.pieces, (each) => each.at + each.units >= unit);
  if (!piece) return line.to;
  return piece.from + ((unit - piece.at) / piece.units) * (piece.to - piece.from);
}

function search(pieces: readonly Piece[], reaches: (piece: Piece) => boolean): Piece | undefined {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const piece = pieces[middle];
    if (piece && reaches(piece)) high = middle;
    else low = middle + 1;
  }
  return pieces[low];
}

/** The part of the line that is shown. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** Where an instant stands in what is shown: below 0 and above 1 it is out of sight. */
export function across(line: Scale, window: Window, time: number): number {
  const begin = place(line, window.from);
  const width = place(line, window.to) - begin;
  return width <= 0 ? 0 : (place(line, time) - begin) / width;
}

/** The instant at a place of what is shown. */
export function behind(line: Scale, window: Window, fraction: number): number {
  const begin = place(line, window.from);
  return instant(line, begin + fraction * (place(line, window.to) - begin));
}

/** A window of the same middle, `by` times as wide, within the line. */
export function zoomed(line: Scale, window: Window, by: number): Window {
  const [a, b] = [place(line, window.from), place(line, window.to)];
  const half = Math.max(1e-7, ((b - a) * by) / 2);
  const middle = (a + b) / 2;
  return { from: instant(line, middle - half), to: instant(line, middle + half) };
}

/** A window moved by a part of its width, as far as the line goes. */
export function moved(line: Scale, window: Window, by: number): Window {
  const [a, b] = [place(line, window.from), place(line, window.to)];
  const step = Math.max(-a, Math.min(1 - b, (b - a) * by));
  return { from: instant(line, a + step), to: instant(line, b + step) };
}

/** `from-to` in milliseconds after the begin, as it stands in an address. */
export function readWindow(text: string | undefined, line: Scale): Window {
  const whole = { from: line.from, to: line.to };
  const found = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? "");
  if (!found) return whole;
  const [a, b] = [Number(found[1]), Number(found[2])];
  const window = { from: Math.max(line.from, line.from + a), to: Math.min(line.to, line.from + b) };
  return window.to > window.from ? window : whole;
}

export const writeWindow = (window: Window, line: Scale): string | undefined =>
  window.from <= line.from && window.to >= line.to
    ? undefined
    : `${Math.round(window.from - line.from)}-${Math.ceil(window.to - line.from)}`;

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat(
  [1, 2, 5, 10, 15, 30].map((s) => s * 1_000),
  [1, 2, 5, 10, 15, 30].map((m) => m * 60_000),
  [1, 2, 3, 6, 12].map((h) => h * 3_600_000),
  [1, 2, 7, 14, 30, 90, 365].map((d) => d * 86_400_000),
);

export interface Tick {
  readonly time: number;
  /** Where it stands in what is shown. */
  readonly at: number;
  /** From where it counts: the begin, or the end of the gap before it. */
  readonly since: number;
}

/** Round distances from the begin and from the end of each gap, about `count` of them in sight; none within a gap. */
export function ticks(line: Scale, window: Window, count: number): Tick[] {
  const shownUnits = (place(line, window.to) - place(line, window.from)) * line.units;
  const step = STEPS.find((each) => shownUnits / each <= count) ?? Math.max(1, shownUnits / count);
  const apart = 0.6 / count;
  const found: Tick[] = [];
  for (const piece of line.pieces) {
    if (piece.gap || piece.to < window.from || piece.from > window.to) continue;
    const end = across(line, window, Math.min(piece.to, window.to));
    const first = Math.ceil((Math.max(piece.from, window.from) - piece.from) / step) * step + piece.from;
    for (let time = first; time <= Math.min(piece.to, window.to); time += step) {
      const at = across(line, window, time);
      // words need their room: before them, and after them up to where a gap begins
      const room = found.length === 0 || at - (found.at(-1)?.at ?? 0) >= apart;
      if (room && (time === piece.from || end - at >= apart / 2)) found.push({ time, at, since: piece.from });
    }
  }
  return found;
}
