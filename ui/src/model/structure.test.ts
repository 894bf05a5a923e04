import { describe, expect, it } from "vitest";
import { definitions } from "../../test/definitions";
import { everyItem, structure, type Item } from "./structure";

const task = (ref: string, more: object = {}) => ({ name: ref, taskReferenceName: ref, type: "SIMPLE", ...more });
const outline = (items: readonly Item[]): unknown[] =>
  items.map((item) => (item.branches.length === 0 ? `${item.kind} ${item.key}` : [`${item.kind} ${item.key}`, ...item.branches.map((branch) => [branch.label, ...outline(branch.items)])]));

/** Tasks of a definition, counted without the code under test. */
function count(tasks: unknown): number {
  if (!Array.isArray(tasks)) return tasks === null || tasks === undefined ? 0 : 1;
  return tasks.reduce((sum: number, each: unknown) => {
    if (typeof each !== "object" || each === null || Array.isArray(each)) return sum + 1;
    const at = each as Record<string, unknown>;
    let inside = 0;
    if (at["type"] === "FORK_JOIN") for (const branch of (at["forkTasks"] as unknown[] | null) ?? []) inside += count(branch);
    if (at["type"] === "DO_WHILE") inside += count(at["loopOver"]);
    if (at["type"] === "SWITCH" || at["type"] === "DECISION") {
      inside += count(at["defaultCase"]);
      for (const one of Object.values((at["decisionCases"] as object | null) ?? {})) inside += count(one);
    }
    return sum + 1 + inside;
  }, 0);
}

describe("structure", () => {
  it("has one mapper per construct", () => {
    const tree = structure({
      name: "all",
      tasks: [
        task("a"),
        task("f", { type: "FORK_JOIN", forkTasks: [[task("f1")], [task("f2"), task("f3")]] }),
        task("j", { type: "JOIN", joinOn: ["f1", "f3"] }),
        task("s", { type: "SWITCH", expression: "way", decisionCases: { left: [task("l")], none: [] }, defaultCase: [task("d")] }),
        task("w", { type: "DO_WHILE", loopCondition: "true", loopOver: [task("b")] }),
        task("df", { type: "FORK_JOIN_DYNAMIC", dynamicForkTasksParam: "list" }),
        task("dj", { type: "JOIN" }),
        task("sub", { type: "SUB_WORKFLOW", subWorkflowParam: { name: "child", version: 2 } }),
        task("u", { type: "QUANTUM" }),
        task("t", { type: "TERMINATE", inputParameters: { terminationStatus: "FAILED" } }),
      ],
    });
    expect(outline(tree.items)).toEqual([
      "task a",
      ["fork f", ["", "task f1"], ["", "task f2", "task f3"]],
      "join j",
      ["switch s", ["left", "task l"], ["none"], ["default", "task d"]],
      ["loop w", ["", "task b"]],
      "dynamicFork df",
      "join dj",
      "subWorkflow sub",
      "raw u",
      "terminate t",
    ]);
    expect(tree.byRef.get("sub")?.detail).toBe("child version 2");
    expect(tree.byRef.get("t")?.detail).toBe("FAILED");
    expect(tree.around.get("f3")?.key).toBe("f");
    expect(tree.problems).toEqual([]);
  });

  it("tells what is odd, and keeps it", () => {
    const tree = structure({ tasks: [task("a"), task("a"), { type: "HTTP" }, 7, null, "text", task("f", { type: "FORK_JOIN", forkTasks: "no" })] });
    expect(tree.items.map((item) => item.key)).toEqual(["a", "a (2)", "unnamed HTTP", "raw 4", "raw 5", "raw 6", "f"]);
    expect(tree.problems.map((problem) => problem.text)).toEqual([
      `The reference name "a" stands for more than one task.`,
      "A task of type HTTP has no reference name.",
      "tasks holds something that is not a task.",
      "tasks holds something that is not a task.",
      "tasks holds something that is not a task.",
      `No JOIN follows the fork "f".`,
    ]);
  });

  it.each([[null], [undefined], [3], ["text"], [[]], [{}], [{ tasks: null }], [{ tasks: {} }], [{ tasks: [] }]])("bears %j", (value) => {
    const tree = structure(value);
    expect(tree.problems.length).toBeGreaterThan(0);
    expect(tree.items.every((item) => item.kind === "raw")).toBe(true);
  });

  it("ends at nesting that nobody drew", () => {
    let body: unknown[] = [task("bottom")];
    for (let i = 0; i < 5_000; i += 1) body = [task(`l${i}`, { type: "DO_WHILE", loopOver: body })];
    const tree = structure({ tasks: body });
    expect(tree.problems.at(-1)?.text).toContain("nested too deep");
  });

  it("cuts long sequences, but not between a fork and its join", () => {
    const tasks = Array.from({ length: 10_000 }, (_, i) =>
      i % 2 === 0 ? task(`f${i}`, { type: "FORK_JOIN", forkTasks: [] }) : task(`j${i}`, { type: "JOIN" }),
    );
    const tree = structure({ tasks });
    expect(tree.items.length).toBeLessThan(210);
    expect([...everyItem(tree.items)].filter((item) => item.kind !== "stretch")).toHaveLength(10_000);
    for (const stretch of tree.items) expect(stretch.branches[0]?.items[0]?.kind).toBe("fork");
    expect(tree.problems).toEqual([]);
  });
});

describe("real definitions", () => {
  const all = definitions();
  it("are many", () => expect(all.length).toBeGreaterThan(500));
  it("have each of their tasks once in the tree", () => {
    for (const [path, definition] of all) {
      const tree = structure(definition);
      const items = [...everyItem(tree.items)].filter((item) => item.kind !== "stretch");
      expect(tree.size, path).toBe(count(definition["tasks"]));
      expect(items.length, path).toBe(tree.size);
      expect(new Set(items.map((item) => item.key)).size, path).toBe(items.length);
    }
  });
});
