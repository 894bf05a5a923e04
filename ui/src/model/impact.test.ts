import { describe, expect, it } from "vitest";
import { deed, foreseen, obstacle, sameImpact, verbsOfRun, verbsOfTask, type Choices } from "./impact";
import { references } from "./references";
import { readOverview, type Overview } from "./run";
import { NOT_REACHED, runStatus, taskStatus, type Verb } from "./status";

const CHOICES: Choices = { resumeChildren: false, latestDefinition: false, reason: "", archive: true, status: "COMPLETED", task: undefined };
const overview = (status: string, tasks: readonly [string, string, string?][], parent?: string): Overview =>
  readOverview({
    workflow: {
      workflowId: "w",
      workflowName: "order",
      workflowVersion: 1,
      status,
      startTime: 1,
      version: 1,
      ...(parent ? { parentWorkflowId: parent } : {}),
    },
    tasks: {
      columns: ["taskId", "referenceTaskName", "taskType", "status", "seq", "subWorkflowId"],
      rows: tasks.map(([name, state, child], i) => [`t${i}`, name, "SIMPLE", state, i, child ?? null]),
    },
  });
const RUNNING = overview(
  "RUNNING",
  [
    ["a", "COMPLETED"],
    ["b", "SCHEDULED"],
    ["sub", "IN_PROGRESS", "child"],
  ],
  "parent",
);

describe("what an operation would do, where the server has no preview", () => {
  it("terminates what is open, with its sub-workflows, and tells the parent", () => {
    const impact = foreseen("terminate", RUNNING, CHOICES);
    expect(impact.cancelled.map((task) => task.referenceTaskName)).toEqual(["b", "sub"]);
    expect(impact.kept.map((task) => task.referenceTaskName)).toEqual(["a"]);
    expect(impact.workflows).toEqual([
      { workflowId: "child", change: "ENDED" },
      { workflowId: "parent", change: "TOLD" },
    ]);
    expect(impact.statusAfter).toBe("TERMINATED");
    expect(deed("terminate", impact, CHOICES)).toBe("Terminate: cancel 2 tasks");
  });
  it("says how final a removal is", () => {
    expect(foreseen("remove", RUNNING, { ...CHOICES, archive: false }).notes?.[0]).toMatch(/3 tasks .* cannot be undone/);
    expect(foreseen("remove", RUNNING, CHOICES).notes?.[0]).toMatch(/archived/);
  });
  it("changes when the run does", () => {
    const before = foreseen("terminate", RUNNING, CHOICES);
    expect(sameImpact(before, foreseen("terminate", RUNNING, CHOICES))).toBe(true);
    expect(sameImpact(before, foreseen("terminate", overview("RUNNING", [["a", "COMPLETED"]]), CHOICES))).toBe(false);
  });
});

describe("what may not be done", () => {
  it.each<[Verb, string, Partial<Choices>, RegExp | undefined]>([
    ["pause", "RUNNING", {}, undefined],
    ["pause", "PAUSED", {}, /paused already/],
    ["pause", "FAILED", {}, /is failed/],
    ["resume", "RUNNING", {}, /not paused/],
    ["terminate", "COMPLETED", {}, /stays so/],
    ["terminate", "FAILED", {}, undefined],
    ["remove", "RUNNING", {}, /terminate it first/],
    ["remove", "RUNNING", { archive: false }, undefined],
    ["complete", "RUNNING", { task: { taskId: "t0", referenceTaskName: "a" } }, /completed/],
    ["complete", "RUNNING", { task: { taskId: "t1", referenceTaskName: "b" } }, undefined],
    ["complete", "RUNNING", { task: { taskId: "gone", referenceTaskName: "b" } }, /no such task/],
  ])("%s on %s %j", (verb, status, choices, why) => {
    const found = obstacle(verb, { ...RUNNING, workflow: { ...RUNNING.workflow, status } }, { ...CHOICES, ...choices });
    if (why) expect(found).toMatch(why);
    else expect(found).toBeUndefined();
  });
});

describe("verbs", () => {
  const may = (list: readonly { verb: Verb; disabled: string | undefined }[]) => list.filter((each) => !each.disabled).map((each) => each.verb);
  it.each([
    ["RUNNING", ["pause", "terminate"]],
    ["PAUSED", ["resume", "terminate"]],
    ["COMPLETED", ["rerun", "restart", "remove"]],
    ["FAILED", ["retry", "rerun", "restart", "remove"]],
    ["SOMETHING_NEW", []],
  ])("of a run that is %s", (status, verbs) => expect(may(verbsOfRun(runStatus(status)))).toEqual(verbs));
  it.each([
    ["FAILED", "FAILED", ["rerun", "retry"]],
    ["RUNNING", "IN_PROGRESS", ["complete"]],
    ["RUNNING", "", ["skip"]],
    ["COMPLETED", "COMPLETED", ["rerun"]],
    ["FAILED", "", ["retry"]],
  ])("of a task: run %s, task %s", (run, task, verbs) =>
    expect(may(verbsOfTask(runStatus(run), task === "" ? NOT_REACHED : taskStatus(task)))).toEqual(verbs),
  );
});

it("finds tasks in forks, cases and loops", () => {
  const task = (taskReferenceName: string, more = {}) => ({ name: "x", taskReferenceName, ...more });
  const tasks = [
    task("fork", { forkTasks: [[task("a")], [task("b", { loopOver: [task("c")] })]] }),
    task("switch", { decisionCases: { x: [task("d")] }, defaultCase: [task("e")] }),
  ];
  expect(references({ name: "w", tasks })).toEqual(["fork", "a", "b", "c", "switch", "d", "e"]);
});
