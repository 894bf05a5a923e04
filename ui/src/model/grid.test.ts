import { describe, expect, it } from "vitest";
import { cellText, columnText, grid, moved, streak, within, type Cell, type Recent } from "./grid";

const NOW = 100_000;
const run = (n: number, more: Partial<Recent["runs"][number]> = {}) => ({
  workflowId: `run-${n}`,
  workflowVersion: 1,
  status: "COMPLETED",
  startTime: n * 1_000,
  endTime: n * 1_000 + 500,
  ...more,
});
const done: Cell = ["COMPLETED", 100, 1];
const failed: Cell = ["FAILED", 2_300, 3];
const none: Cell = [null, null, 0];

const recent: Recent = {
  // the newest first, as the server tells it
  runs: [run(3, { workflowVersion: 2, status: "RUNNING", endTime: undefined }), run(2, { status: "FAILED" }), run(1)],
  tasks: [
    { referenceTaskName: "stock", taskType: "SIMPLE" },
    { referenceTaskName: "charge", taskType: "SIMPLE" },
  ],
  cells: [
    [done, none],
    [done, failed],
    [done, done],
  ],
};

describe("the grid", () => {
  const made = grid(recent, NOW);
  it("has the newest run last", () => {
    expect(made.columns.map((column) => column.workflowId)).toEqual(["run-1", "run-2", "run-3"]);
    expect(made.rows[1]?.cells).toEqual([done, failed, null]);
  });
  it("marks where a version begins, but not at the left edge", () => {
    expect(made.columns.map((column) => column.newVersion)).toEqual([false, false, true]);
  });
  it("measures what runs until now, and heights by the longest that has ended", () => {
    expect(made.columns[2]).toMatchObject({ ended: false, durationMs: 97_000, height: 1 });
    expect(made.columns[0]?.height).toBe(1);
    const uneven = grid({ runs: [run(1), run(2, { endTime: 4_000 })], tasks: [], cells: [[], []] }, NOW);
    expect(uneven.columns.map((column) => column.height)).toEqual([0.25, 1]);
  });
  it("says each cell in words", () => {
    const charge = made.rows[1]!;
    expect([0, 1, 2].map((at) => cellText(charge, at))).toEqual([
      "charge: Completed after 100 ms",
      "charge: Failed after 2.3 s, 3 executions",
      "charge: Not reached",
    ]);
    expect(columnText(made.columns[1]!)).toBe("Failed after 500 ms, version 1");
    expect(columnText(made.columns[2]!)).toMatch(/^Running for 1 m 37 s/);
  });
  it("keeps statuses that it does not know, and rows that are cut short", () => {
    const odd = grid({ ...recent, cells: [[["EXPLODED", null, 1], none]] }, NOW);
    expect(cellText(odd.rows[0]!, 2)).toBe("stock: EXPLODED");
    expect(odd.rows[0]?.cells.slice(0, 2)).toEqual([null, null]);
  });
  it("of no runs is empty, and no clock is turned back", () => {
    expect(grid({ runs: [], tasks: recent.tasks, cells: [] }, NOW)).toEqual({
      columns: [],
      rows: recent.tasks.map((task) => ({ task: task.referenceTaskName, type: task.taskType, cells: [] })),
    });
    expect(grid({ runs: [run(200, { endTime: 1 })], tasks: [], cells: [[]] }, NOW).columns[0]?.durationMs).toBe(0);
  });
});

describe("a streak", () => {
  const row = (...cells: (Cell | null)[]) => ({ task: "charge", type: "SIMPLE", cells });
  it.each([
    [row(done, failed, failed), "failed in the last 2 runs"],
    [row(done, failed, null), "failed in the last run"],
    [row(failed, done), ""],
    [row(), ""],
  ])("%#", (each, text) => expect(streak(each)).toBe(text));
});

describe("keys", () => {
  const size = { rows: 10, columns: 5 };
  it.each([
    ["ArrowUp", false, { row: 1, column: 2 }],
    ["ArrowDown", false, { row: 3, column: 2 }],
    ["ArrowLeft", false, { row: 2, column: 1 }],
    ["ArrowRight", true, { row: 2, column: 4 }],
    ["PageDown", false, { row: 9, column: 2 }],
    ["PageUp", false, { row: -1, column: 2 }],
    ["Home", false, { row: 2, column: 0 }],
    ["End", true, { row: 9, column: 4 }],
    ["Home", true, { row: -1, column: 0 }],
  ])("%s (ctrl %s)", (key, ctrl, to) => expect(moved({ row: 2, column: 2 }, key, ctrl, size, 8)).toEqual(to));
  it("leave other keys alone and stay inside", () => {
    expect(moved({ row: 2, column: 2 }, "x", false, size, 8)).toBeNull();
    expect(within({ row: 40, column: 40 }, size)).toEqual({ row: 9, column: 4 });
    expect(within({ row: 4, column: 4 }, { rows: 0, columns: 0 })).toEqual({ row: -1, column: 0 });
  });
});
