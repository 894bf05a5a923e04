import { describe, expect, it } from "vitest";
import { allTasks, counted, definitionRows, found, sorted, usedTasks } from "./definitions";

describe("the list of definitions", () => {
  it("shows each name once, with its highest version", () => {
    const rows = definitionRows({
      pay: [
        { name: "pay", version: 2, createTime: 5 },
        { name: "pay", version: 10, createTime: 7, updateTime: 9 },
      ],
      book: [{ name: "book", version: 1, createTime: 3, updateTime: 0 }],
      none: [],
    });
    expect(rows).toEqual([
      { name: "book", latest: 1, versions: 1, changed: 3 },
      { name: "pay", latest: 10, versions: 2, changed: 9 },
    ]);
  });
  it("is filtered by all words, wherever they are", () => {
    expect(found("", "x")).toBe(true);
    expect(found("Pay SHOP", "pay_card", null, "shop@example.org")).toBe(true);
    expect(found("pay ship", "pay_card", undefined)).toBe(false);
  });
  it("is counted in words", () => {
    expect([counted(1, 1, "queue"), counted(12, 12, "queue"), counted(3, 10_000, "queue")]).toEqual(["1 queue", "12 queues", "3 of 10,000 queues"]);
  });
  it("is sorted both ways", () => {
    const rows = [{ n: 2 }, { n: 10 }, { n: 1 }];
    expect(sorted(rows, (row) => row.n, false).map((row) => row.n)).toEqual([1, 2, 10]);
    expect(sorted(rows, (row) => row.n, true).map((row) => row.n)).toEqual([10, 2, 1]);
  });
});

describe("the tasks of a definition", () => {
  const tasks = [
    { name: "a", taskReferenceName: "a1", type: "SIMPLE" },
    {
      name: "sw",
      taskReferenceName: "sw",
      type: "SWITCH",
      decisionCases: { x: [{ name: "a", taskReferenceName: "a2", type: "SIMPLE" }] },
      defaultCase: [{ name: "loop", taskReferenceName: "loop", type: "DO_WHILE", loopOver: [{ name: "b", taskReferenceName: "b1" }] }],
    },
    { name: "fork", taskReferenceName: "fork", type: "FORK_JOIN", forkTasks: [[{ name: "h", taskReferenceName: "h1", type: "HTTP" }], []] },
  ];
  it("are found in cases, branches and loops", () => {
    expect(allTasks(tasks).map((task) => task.taskReferenceName)).toEqual(["a1", "sw", "a2", "loop", "b1", "fork", "h1"]);
    expect(allTasks(null)).toEqual([]);
  });
  it("are told once by name; without a type they are for workers", () => {
    const used = usedTasks(tasks);
    expect(used.find((task) => task.name === "a")?.references).toEqual(["a1", "a2"]);
    expect(used.filter((task) => task.polled).map((task) => task.name)).toEqual(["a", "b"]);
  });
});
