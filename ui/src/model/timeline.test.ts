import { describe, expect, it } from "vitest";
import { BEGIN, everyStatus, huge, inFlight, longGap, loop, NOW, retries, row, run } from "../../test/fixtures/gallery";
import { outline } from "./outline";
import { across, behind, extent, instant, moved, place, readWindow, scale, segments, ticks, writeWindow, zoomed } from "./timeline";

const seconds = (time: number) => (time - BEGIN) / 1_000;

describe("segments", () => {
  it("shows queued and executing apart, attempt by attempt", () => {
    const attempts = retries().tasks.filter((task) => task.referenceTaskName === "charge_card");
    expect(segments(attempts, NOW).map((s) => [s.kind, seconds(s.from), seconds(s.to), s.row.attempt, s.live])).toEqual([
      ["queued", 1, 2, 0, false],
      ["executing", 2, 3, 0, false],
      ["queued", 63, 64, 1, false],
      ["executing", 64, 70, 1, false],
      ["queued", 130, 131, 2, false],
      ["executing", 131, 3_600, 2, true],
    ]);
  });
  it("lets grow what is under way", () => {
    const [waiting] = segments(inFlight().tasks.filter((task) => task.referenceTaskName === "right"), NOW);
    expect(waiting).toMatchObject({ kind: "queued", to: NOW, live: true });
  });
  it.each([
    ["skipped before it began", row("x", { scheduled: 1, end: 1 }, { status: "SKIPPED" }), [["queued", 1, 1]]],
    ["ended without an end", row("x", { scheduled: 1, start: 2 }, { status: "COMPLETED", updateTime: BEGIN + 5_000 }), [["queued", 1, 2], ["executing", 2, 5]]],
    ["never scheduled", { ...row("x"), scheduledTime: 0 }, []],
    ["ended before it began, by two clocks", row("x", { scheduled: 1, start: 3, end: 2 }), [["queued", 1, 2], ["executing", 3, 3]]],
  ])("%s", (_, task, wanted) => {
    expect(segments([task], NOW).map((s) => [s.kind, seconds(s.from), seconds(s.to)])).toEqual(wanted);
  });
});

describe("scale", () => {
  it("collapses idle days and keeps what happened readable", () => {
    const overview = longGap();
    const flat = scale(overview, NOW, false);
    const line = scale(overview, NOW, true);
    expect(line.pieces.map((piece) => piece.gap)).toEqual([false, true, false]);
    expect(place(flat, BEGIN + 1_000)).toBeLessThan(0.001);
    expect(place(line, BEGIN + 1_000)).toBeGreaterThan(0.4);
  });
  it("collapses nothing in a run that works all the time, and nothing in one that only waits", () => {
    expect(scale(loop(), NOW, true).pieces).toHaveLength(1);
    const waits = run("waits", [], [row("w", { scheduled: 0, start: 0 }, { status: "IN_PROGRESS", taskType: "WAIT" })], { status: "RUNNING" });
    expect(scale(waits, NOW, true).pieces).toHaveLength(1);
  });
  it("keeps many gaps from taking the whole line", () => {
    const rows = Array.from({ length: 300 }, (_, i) => row(`t${i}`, { scheduled: i * 60, start: i * 60, end: i * 60 + 0.5 }));
    const line = scale(run("polls", [], rows), NOW, true);
    const idle = line.pieces.filter((piece) => piece.gap).reduce((sum, piece) => sum + piece.units, 0);
    expect(idle / line.units).toBeLessThan(0.5);
  });
  it("has a place for every instant and an instant for every place", () => {
    const line = scale(retries(), NOW, true);
    for (const fraction of [0, 0.1, 0.5, 0.9, 1]) expect(place(line, instant(line, fraction))).toBeCloseTo(fraction, 6);
    expect(place(line, 0)).toBe(0);
    expect(place(line, NOW * 2)).toBe(1);
  });
  it("does not break on a run without tasks or times", () => {
    const empty = run("empty", [], [], { status: "RUNNING", startTime: 0 });
    expect(place(scale(empty, NOW, true), NOW)).toBeGreaterThanOrEqual(0);
  });
});

describe("window", () => {
  const line = scale(everyStatus(), NOW, false);
  const whole = { from: line.from, to: line.to };
  it("zooms, moves and stays within the line", () => {
    const half = zoomed(line, whole, 0.5);
    expect(place(line, half.to) - place(line, half.from)).toBeCloseTo(0.5);
    expect(moved(line, half, -10).from).toBe(line.from);
    expect(across(line, half, half.from)).toBe(0);
    expect(behind(line, half, 1)).toBeCloseTo(half.to, 3);
    expect(zoomed(line, half, 100)).toEqual(whole);
  });
  it("goes through the address and back", () => {
    const half = readWindow("1000-5000", line);
    expect(writeWindow(half, line)).toBe("1000-5000");
    expect(writeWindow(whole, line)).toBeUndefined();
  });
  it.each(["", "x-y", "5-1", "1", "-5--1", "999999999999-9999999999999"])("takes %j for the whole", (text) => {
    expect(readWindow(text, line)).toEqual(whole);
  });
  it("has round ticks, not too many, none in gaps", () => {
    expect(ticks(line, whole, 10).length).toBeLessThanOrEqual(11);
    const gap = scale(longGap(), NOW, true);
    const times = ticks(gap, { from: gap.from, to: gap.to }, 10).map((tick) => tick.time - BEGIN);
    expect(times.every((time) => time <= 1_000 || time >= 3 * 86_400_000)).toBe(true);
  });
});

it("spans a loop from its first to its last instant", () => {
  const branch = outline(loop(2)).find((each) => each.reference === "poll_until");
  expect(branch && extent(branch, NOW)).toMatchObject({ from: BEGIN + 1_000 });
});

it("places 10,000 tasks in a moment", () => {
  const overview = huge();
  const began = performance.now();
  scale(overview, NOW, true);
  expect(performance.now() - began).toBeLessThan(2_000);
});
