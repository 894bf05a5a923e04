import { describe, expect, it } from "vitest";
import { deepNesting, duplicateNames, huge, loop, retries, row, run, simple, unknownKinds } from "../../test/fixtures/gallery";
import { above, outline, shown, standing } from "./outline";
import type { Branch } from "./outline";

const words = (branches: readonly Branch[], folds: [string, boolean][] = []) =>
  shown(branches, new Map(folds)).map((line) => `${"  ".repeat(line.depth)}${line.open === undefined ? "" : line.open ? "▾" : "▸"}${line.branch.label}`);

describe("outline of a run", () => {
  it("has one branch for all attempts of a task", () => {
    expect(outline(retries()).map((branch) => [branch.reference, branch.attempts.length])).toEqual([["reserve", 1], ["charge_card", 3]]);
  });
  it("puts the tasks of a loop under their iterations, the last and the failed open", () => {
    const branches = outline(loop(3));
    expect(words(branches)).toEqual(["prepare", "▾poll_until", "  ▸Iteration 1", "  ▸Iteration 2", "  ▾Iteration 3", "    ask__3", "    weigh__3"]);
    expect(words(branches, [["poll_until", false]])).toEqual(["prepare", "▸poll_until"]);
    expect(words(branches, [["poll_until#1", true]])).toContain("    ask__1");
  });
  it("finds loops in loops by all their numbers", () => {
    const nested = run(
      "nested",
      [{ ...simple("outer"), type: "DO_WHILE", loopOver: [{ ...simple("inner"), type: "DO_WHILE", loopOver: [simple("leaf")] }] }],
      [
        row("outer", { start: 0 }, { taskType: "DO_WHILE", iteration: 2 }),
        row("inner__2", { start: 0 }, { taskType: "DO_WHILE", iteration: 2 }),
        row("leaf__2__1", { start: 0 }, { iteration: 1 }),
      ],
    );
    expect(words(outline(nested))).toEqual(["▾outer", "  ▾Iteration 2", "    ▾inner__2", "      ▾Iteration 1", "        leaf__2__1"]);
  });
  it("takes no name for a loop that only looks so", () => {
    expect(outline(duplicateNames()).map((branch) => branch.label)).toEqual(["send", "send_2", "send__2", "send__2__2"]);
  });
  it("keeps tasks that no definition knows", () => {
    expect(outline(unknownKinds()).map((branch) => branch.label)).toEqual(["oracle", "bare", "of_nowhere"]);
  });
  it("opens a child run in place, and a run in itself without end", () => {
    const parent = deepNesting();
    const child = parent.tasks.find((task) => task.subWorkflowId !== null);
    const id = child?.subWorkflowId ?? "";
    const closed = outline(parent);
    expect(words(closed)).toContain("▸child");
    const inside = retries();
    const open = outline(parent, new Map([[id, { ...inside, workflow: { ...inside.workflow, workflowId: id } }]]));
    expect(words(open, [["child", true]])).toContain("  charge_card");
    expect(shown(open, new Map([["child", true]])).find((line) => line.branch.label === "charge_card")?.branch).toMatchObject({ own: false, runId: id });
  });
  it("knows the way to a task", () => {
    const branches = outline(loop(3));
    expect(above(branches, "ask__2")?.map((branch) => branch.key)).toEqual(["poll_until", "poll_until#2"]);
    expect(above(branches, "prepare")).toEqual([]);
    expect(above(branches, "nowhere")).toBeUndefined();
  });
  it("says the worst of an iteration", () => {
    const branches = outline(run("x", [{ ...simple("l"), type: "DO_WHILE", loopOver: [simple("a"), simple("b")] }], [
      row("l", { start: 0 }, { taskType: "DO_WHILE", iteration: 1 }),
      row("a__1", { start: 0, end: 1 }, { status: "FAILED", iteration: 1 }),
      row("b__1", { start: 0, end: 1 }, { iteration: 1 }),
    ]));
    const round = branches[0]?.children[0];
    expect(round && standing(round)).toBe("FAILED");
  });
  it("takes 10,000 tasks in a moment", () => {
    const overview = huge();
    const began = performance.now();
    const lines = shown(outline(overview), new Map());
    expect(lines.length).toBeGreaterThan(9_000);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
