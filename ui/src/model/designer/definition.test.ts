import { expect, it } from "vitest";
import { comparable } from "./definition";

it("compares what a definition says", () => {
  const drawn = { name: "n", tasks: [{ name: "a", taskReferenceName: "a", inputParameters: { empty: [], no: false } }] };
  const registered = {
    schemaVersion: 2,
    version: 7,
    createTime: 1,
    name: "n",
    restartable: true,
    tasks: [{ taskReferenceName: "a", name: "a", type: "SIMPLE", inputParameters: { empty: [], no: false }, joinOn: [], decisionCases: {}, optional: false, startDelay: 0 }],
  };
  expect(comparable(registered)).toEqual(comparable(drawn));
  expect(JSON.stringify(comparable(registered))).toBe(JSON.stringify(comparable(drawn)));
});

it("looks into tasks of tasks", () => {
  const inner = { name: "b", taskReferenceName: "b", optional: false };
  const value = { tasks: [{ name: "s", decisionCases: { x: [inner], none: [] }, defaultCase: [inner] }, { name: "l", loopOver: [inner] }, { name: "f", forkTasks: [[inner]] }] };
  expect(JSON.stringify(comparable(value))).not.toContain("optional");
  expect(JSON.stringify(comparable(value))).toContain('"none":[]');
  expect(comparable("x")).toBe("x");
});
