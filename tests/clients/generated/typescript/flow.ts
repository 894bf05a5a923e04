// The common flow (../../README.md) with a TypeScript client made by OpenAPI Generator (typescript-fetch) from
// openapi/podium.json into ./client. Usage: node flow.js http://127.0.0.1:8080
//
// A generated client has no worker host: a loop for each task type polls and reports.

import { isDeepStrictEqual } from "node:util";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Configuration, MetadataApi, ResponseError, TaskApi, WorkflowApi } from "./client/index.js";
import type { Task, TaskDef, TaskResult, Workflow, WorkflowTask } from "./client/index.js";

const RUN = `generated_typescript_${randomUUID().slice(-12)}`;
const named = (name: string) => `${RUN}_${name}`;
const ADD = named("add"), FLAKY = named("flaky"), BROKEN = named("broken"), SLOW = named("slow"), HELD = named("held");
const CHILD = named("child"), BRANCHES = named("branches"), FAILING = named("failing"), WAITING = named("waiting"), LONG = named("long");

const configuration = new Configuration({ basePath: process.argv[2] });
const metadata = new MetadataApi(configuration);
const runs = new WorkflowApi(configuration);
const tasks = new TaskApi(configuration);

const faults: string[] = [];
let failedRun = "", longRun = "", slow: Task | undefined, slowSince = 0;

const step = (text: string) => console.log(`generated_typescript: ${text}`);

function same(what: string, actual: unknown, expected: unknown) {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }
}

/** The first true answer of `probe`. */
async function until<T>(what: string, probe: () => Promise<T | null | undefined | false>, seconds = 60): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`after ${seconds} s still waiting for ${what}`);
    await sleep(50);
  }
}

const simple = (name: string, taskReferenceName: string, inputParameters: Record<string, unknown> = {}): WorkflowTask =>
  ({ name, taskReferenceName, type: "SIMPLE", inputParameters });
const attempts = (workflow: Workflow) => workflow.tasks.map((t) => [t.referenceTaskName, t.retryCount, t.status]);

async function definitions() {
  const taskDef = (name: string, retryCount: number, responseTimeoutSeconds = 60): TaskDef => ({
    name, retryCount, responseTimeoutSeconds, retryLogic: "FIXED", retryDelaySeconds: 0, timeoutSeconds: 120, ownerEmail: "a@example.com",
  });
  await metadata.registerTaskDef({
    taskDef: [taskDef(ADD, 0), taskDef(FLAKY, 2), taskDef(BROKEN, 1), taskDef(SLOW, 0, 6), taskDef(HELD, 0)],
  });
  const read = await metadata.getTaskDef({ tasktype: FLAKY });
  same("task definition", [read.name, read.retryCount, read.retryLogic], [FLAKY, 2, "FIXED"]);

  const define = (name: string, tasks: WorkflowTask[], outputParameters: Record<string, unknown> = {}) =>
    metadata.create({ workflowDef: { name, version: 1, tasks, outputParameters, timeoutSeconds: 300, ownerEmail: "a@example.com" } });
  await define(CHILD, [simple(ADD, "child_add", { a: "${workflow.input.a}", b: "${workflow.input.b}" })], { sum: "${child_add.output.sum}" });
  const left = simple(ADD, "left", { a: "${workflow.input.a}", b: "${workflow.input.b}" });
  const right = simple(FLAKY, "right");
  const sub: WorkflowTask = {
    name: "sub", taskReferenceName: "sub", type: "SUB_WORKFLOW", subWorkflowParam: { name: CHILD, version: 1 },
    inputParameters: { a: "${left.output.sum}", b: 100 },
  };
  const other = simple(ADD, "other", { a: "${left.output.sum}", b: 1000 });
  await define(BRANCHES, [
    { name: "fork", taskReferenceName: "fork", type: "FORK_JOIN", forkTasks: [[left], [right]] },
    { name: "fork_join", taskReferenceName: "fork_join", type: "JOIN", joinOn: ["left", "right"] },
    {
      name: "route", taskReferenceName: "route", type: "SWITCH", evaluatorType: "value-param", expression: "case",
      inputParameters: { case: "${workflow.input.route}" }, decisionCases: { sub: [sub] }, defaultCase: [other],
    },
    simple(ADD, "last", { a: "${left.output.sum}", b: "${right.output.attempt}" }),
  ], { child: "${sub.output.sum}", other: "${other.output.sum}", last: "${last.output.sum}" });
  await define(FAILING, [simple(BROKEN, "broken"), simple(ADD, "after", { a: 1, b: 1 })]);
  await define(WAITING, [simple(HELD, "held"), simple(ADD, "after", { a: "${held.output.n}", b: 1 })], { sum: "${after.output.sum}" });
  await define(LONG, [simple(SLOW, "slow")]);
  const definition = await metadata.get1({ name: BRANCHES, version: 1 });
  same("tasks of the definition", definition.tasks.map((t) => t.type), ["FORK_JOIN", "JOIN", "SWITCH", "SIMPLE"]);
  same("case of the SWITCH", definition.tasks[2]?.decisionCases?.sub?.[0]?.subWorkflowParam?.name, CHILD);
  step("definitions: registered 5 task and 5 workflow definitions, read them back");
}

type Done = Pick<TaskResult, "outputData" | "logs">;

/** Does the task; the next one if the server handed one out with its answer. */
async function report(task: Task, work: (task: Task) => Done, v2: boolean) {
  const taskResult: TaskResult = { taskId: task.taskId, workflowInstanceId: task.workflowInstanceId, workerId: "generated", status: "COMPLETED" };
  try {
    Object.assign(taskResult, work(task));
  } catch (error) {
    taskResult.status = "FAILED";
    taskResult.reasonForIncompletion = (error as Error).message;
  }
  if (v2) return tasks.updateTaskV2({ taskResult });
  same("answer to a report", await tasks.updateTask({ taskResult }), task.taskId);
  return undefined;
}

async function worker(tasktype: string, work: (task: Task) => Done, v2: boolean) {
  for (;;) {
    for (const polled of await tasks.batchPoll({ tasktype, count: 4, timeout: 200, workerid: "generated" })) {
      let task: Task | null | undefined = polled;
      while (task) task = await report(task, work, v2);
    }
  }
}

async function workers() {
  const input = (task: Task) => task.inputData as { a: number; b: number };
  const host = (tasktype: string, work: (task: Task) => Done, v2: boolean) => {
    worker(tasktype, work, v2).catch((error) => faults.push(`${tasktype}: ${error}`));
  };
  host(ADD, (task) => {
    const { a, b } = input(task);
    return { outputData: { sum: a + b }, logs: [{ log: `adding ${a} and ${b}` }] };
  }, true);
  host(FLAKY, ({ retryCount }) => {
    if (retryCount === 0) throw new Error("the first attempt fails");
    return { outputData: { attempt: retryCount } };
  }, false);
  host(BROKEN, ({ retryCount }) => {
    if (retryCount < 2) throw new Error("still broken");
    return { outputData: { attempt: retryCount } };
  }, true);
  longRun = await start(LONG, {});
  slow = await until("the slow task", () => tasks.poll({ tasktype: SLOW, workerid: "generated" }));
  slowSince = Date.now();
  extend().catch((error) => faults.push(`lease extension: ${error}`));
  step("workers: a loop for each of 3 task types, and one that extends a lease");
}

async function extend() {
  for (let beat = 0; beat < 4; beat++) {
    await sleep(2000);
    await tasks.updateTask({ taskResult: { taskId: slow!.taskId, workflowInstanceId: longRun, status: "IN_PROGRESS", extendLease: true } });
  }
}

async function start(name: string, input: Record<string, unknown>) {
  const run = await runs.startWorkflow({ startWorkflowRequest: { name, version: 1, input, correlationId: RUN } });
  same("length of a run id", run.length, 36);
  return run;
}

async function ended(run: string, status: string) {
  const found = await until(`the end of ${run}`, async () => {
    same("faults of the workers", faults, []);
    const { status } = await runs.getWorkflowStatusSummary({ workflowId: run });
    return status !== "RUNNING" && status !== "PAUSED" && status;
  });
  same(`status of ${run}`, found, status);
  return runs.getExecutionStatus({ workflowId: run });
}

async function branches() {
  const run = await start(BRANCHES, { a: 1, b: 2, route: "sub" });
  const workflow = await ended(run, "COMPLETED");
  same("output", workflow.output, { child: 103, other: null, last: 4 });
  same("correlation id", workflow.correlationId, RUN);
  const of = (reference: string) => workflow.tasks.filter((t) => t.referenceTaskName === reference);
  same("references", [...new Set(workflow.tasks.map((t) => t.referenceTaskName))].sort(),
    ["fork", "fork_join", "last", "left", "right", "route", "sub"]);
  const right = of("right");
  same("attempts of right", right.map((t) => [t.retryCount, t.status]), [[0, "FAILED"], [1, "COMPLETED"]]);
  same("reason of the first attempt", right[0]?.reasonForIncompletion, "the first attempt fails");
  same("retried task", right[1]?.retriedTaskId, right[0]?.taskId);
  const child = await runs.getExecutionStatus({ workflowId: of("sub")[0]!.subWorkflowId!, includeTasks: true });
  same("child", [child.workflowName, child.status, child.output], [CHILD, "COMPLETED", { sum: 103 }]);
  same("parent of the child", child.parentWorkflowId, run);
  const left = (await tasks.getTask({ taskId: of("left")[0]!.taskId }))!;
  same("single task", [left.status, left.inputData, left.outputData], ["COMPLETED", { a: 1, b: 2 }, { sum: 3 }]);
  const lines = async () => (await tasks.getTaskLogs({ taskId: left.taskId }))?.map((line) => line.log);
  same("log lines", await lines(), ["adding 1 and 2"]);
  await tasks.log({ taskId: left.taskId, body: "seen by hand" });
  same("log lines after one more", (await lines())?.length, 2);
  const page = await runs.getExecutionStatusTaskList({ workflowId: run, start: 0, count: 3 });
  same("a page of tasks", [page.totalHits, page.results.length], [workflow.tasks.length, 3]);
  step("branches: both ways of the fork, one retry, the child's output, log lines");
}

async function defaultCase() {
  const run = await runs.startWorkflow1({ workflowId: BRANCHES, version: 1, body: { a: 5, b: 5, route: "nowhere" } });
  same("output", (await ended(run, "COMPLETED")).output, { child: null, other: 1010, last: 11 });
  step("default case: the other way through the SWITCH");
}

async function failure() {
  failedRun = await start(FAILING, {});
  const workflow = await ended(failedRun, "FAILED");
  if (!workflow.reasonForIncompletion?.includes("still broken")) throw new Error(`reason of the run: ${workflow.reasonForIncompletion}`);
  same("attempts", attempts(workflow), [["broken", 0, "FAILED"], ["broken", 1, "FAILED"]]);
  step("failure: two attempts, then FAILED with the worker's reason");
}

async function search() {
  const query = (status: string) => ({ start: 0, size: 10, query: `workflowType = '${FAILING}' AND status = '${status}'` });
  const found = await until("the search to find the run", async () => (await runs.search1(query("FAILED"))).results[0]);
  same("found run", [found.workflowId, found.workflowType, found.status, found.correlationId], [failedRun, FAILING, "FAILED", RUN]);
  const nothing = await runs.search1({ ...query("RUNNING"), freeText: "*" });
  same("runs of another status", [nothing.totalHits, nothing.results], [0, []]);
  step("search: found the failed run by type and status");
}

async function retry() {
  await runs.retry({ workflowId: failedRun });
  same("attempts", attempts(await ended(failedRun, "COMPLETED")),
    [["broken", 0, "FAILED"], ["broken", 1, "FAILED"], ["broken", 2, "COMPLETED"], ["after", 0, "COMPLETED"]]);
  step("retry: the third attempt ended the failed run");
}

async function pause() {
  const workflowId = await start(WAITING, {});
  const held = await until("the held task", () => tasks.poll({ tasktype: HELD, workerid: "hand" }));
  same("polled task", [held.workflowInstanceId, held.status, held.workerId], [workflowId, "IN_PROGRESS", "hand"]);
  await runs.pauseWorkflow({ workflowId });
  same("status", (await runs.getWorkflowStatusSummary({ workflowId })).status, "PAUSED");
  await tasks.updateTask1({ workflowId, taskRefName: "held", status: "COMPLETED", body: { n: 41 } });
  const paused = await runs.getExecutionStatus({ workflowId });
  same("paused run", [paused.status, attempts(paused)], ["PAUSED", [["held", 0, "COMPLETED"]]]);
  await runs.resumeWorkflow({ workflowId });
  same("output", (await ended(workflowId, "COMPLETED")).output, { sum: 42 });
  step("pause: took a result, stood still, went on when resumed");
}

async function terminate() {
  const workflowId = await start(WAITING, {});
  await runs.terminate1({ workflowId, reason: "no longer wanted" });
  const workflow = await ended(workflowId, "TERMINATED");
  same("reason", workflow.reasonForIncompletion, "no longer wanted");
  same("tasks", attempts(workflow), [["held", 0, "CANCELED"]]);
  const refused = await runs.getExecutionStatus({ workflowId: randomUUID() }).catch((error) => error);
  if (!(refused instanceof ResponseError)) throw new Error("a run that does not exist was found");
  same("status for a run that does not exist", refused.response.status, 404);
  step("terminate: ended with its reason, its task CANCELED");
}

async function lease() {
  await until("8 s of work", async () => Date.now() - slowSince > 8000);
  await tasks.updateTask({ taskResult: { taskId: slow!.taskId, workflowInstanceId: longRun, status: "COMPLETED" } });
  same("attempts", attempts(await ended(longRun, "COMPLETED")), [["slow", 0, "COMPLETED"]]);
  step("lease: 8 s of work outlived a response time-out of 6 s");
}

let status = 0;
for (const run of [definitions, workers, branches, defaultCase, failure, search, retry, pause, terminate, lease]) {
  try {
    await run();
  } catch (error) { // the steps after it are tried too, so that one run tells all
    status = 1;
    const answer = error instanceof ResponseError ? `${error.response.status} ${await error.response.text()}` : "";
    step(`FAILED ${run.name}: ${(error as Error).message} ${answer}`);
  }
}
process.exit(status);
