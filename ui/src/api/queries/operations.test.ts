import { expect, it } from "vitest";
import type { Choices } from "../../model/impact";
import type { Verb } from "../../model/status";
import { call, type Edits } from "./operations";

const CHOICES: Choices = { resumeChildren: false, latestDefinition: false, reason: "", archive: true, status: "COMPLETED", task: undefined };

it.each<[Verb, Partial<Choices>, Edits, string, unknown?]>([
  ["retry", {}, {}, "POST /api/workflow/a%2Fb/retry"],
  ["retry", { resumeChildren: true }, {}, "POST /api/workflow/a%2Fb/retry?resumeSubworkflowTasks=true"],
  ["restart", { latestDefinition: true }, {}, "POST /api/workflow/a%2Fb/restart?useLatestDefinitions=true"],
  ["rerun", {}, {}, "POST /api/workflow/a%2Fb/rerun", {}],
  [
    "rerun",
    { task: { taskId: "t", referenceTaskName: "x" } },
    { taskInput: { n: 1 }, output: { no: 1 } },
    "POST /api/workflow/a%2Fb/rerun",
    { reRunFromTaskId: "t", taskInput: { n: 1 } },
  ],
  ["rerun", { task: { referenceTaskName: "x" } }, {}, "POST /api/workflow/a%2Fb/rerun", { reRunFromTaskRefName: "x" }],
  [
    "skip",
    { task: { referenceTaskName: "x y" } },
    { output: { a: "t", b: { c: 1 } } },
    "PUT /api/workflow/a%2Fb/skiptask/x%20y?taskOutput%5Ba%5D=t&taskOutput%5Bb%5D=%7B%22c%22%3A1%7D",
  ],
  ["pause", {}, {}, "PUT /api/workflow/a%2Fb/pause"],
  ["terminate", { reason: " no more " }, {}, "DELETE /api/workflow/a%2Fb?reason=no+more"],
  ["remove", { archive: false }, {}, "DELETE /api/workflow/a%2Fb/remove?archiveWorkflow=false"],
  [
    "complete",
    { task: { taskId: "t", referenceTaskName: "x" }, status: "FAILED", reason: "by hand" },
    { output: { a: 1 } },
    "POST /api/tasks",
    { workflowInstanceId: "a/b", taskId: "t", status: "FAILED", outputData: { a: 1 }, reasonForIncompletion: "by hand" },
  ],
])("%s %j", (verb, choices, edits, line, body) => {
  const made = call(verb, "a/b", { ...CHOICES, ...choices }, edits);
  const query = new URLSearchParams(made.parameters).toString();
  expect(`${made.init.method} ${made.url}${query ? `?${query}` : ""}`).toBe(line);
  if (body !== undefined) expect(JSON.parse(String(made.init.body))).toEqual(body);
});
