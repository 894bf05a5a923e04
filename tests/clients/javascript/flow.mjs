// The common flow (../README.md) with the official JavaScript SDK. Usage: node flow.mjs http://127.0.0.1:8080

import { isDeepStrictEqual } from "node:util";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  getTaskContext, joinTask, MetadataClient, noopLogger, orkesConductorClient, simpleTask, subWorkflowTask,
  switchTask, TaskClient, TaskHandler, WorkflowExecutor,
} from "@io-orkes/conductor-javascript";

const RUN = `javascript_${randomUUID().slice(-12)}`;
const named = (...names) => names.map((name) => `${RUN}_${name}`);
const [ADD, FLAKY, BROKEN, SLOW, HELD] = named("add", "flaky", "broken", "slow", "held");
const [CHILD, BRANCHES, FAILING, WAITING, LONG] = named("child", "branches", "failing", "waiting", "long");

const step = (text) => console.log(`javascript: ${text}`);

function same(what, actual, expected) {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }
}

/** The first true answer of `probe`. */
async function until(what, probe, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`after ${seconds} s still waiting for ${what}`);
    await sleep(50);
  }
}

class Flow {
  static async open(serverUrl) {
    const flow = new Flow();
    flow.serverUrl = serverUrl;
    flow.client = await orkesConductorClient({ serverUrl, logger: noopLogger });
    flow.metadata = new MetadataClient(flow.client);
    flow.executor = new WorkflowExecutor(flow.client);
    flow.tasks = new TaskClient(flow.client);
    return flow;
  }

  async credentials() {
    const said = [];
    const logger = { ...noopLogger, info: (...line) => said.push(line.join(" ")) };
    const client = await orkesConductorClient({ serverUrl: this.serverUrl, keyId: "some", keySecret: "key", logger });
    await new MetadataClient(client).getAllTaskDefs();
    if (!said.some((line) => line.includes("proceeding without auth"))) {
      throw new Error(`the SDK did not switch authentication off; it said ${JSON.stringify(said)}`);
    }
    step("credentials: no token to be had, went on without");
  }

  async definitions() {
    const common = { retryLogic: "FIXED", retryDelaySeconds: 0, timeoutSeconds: 120, ownerEmail: "a@example.com" };
    const taskDef = (name, retryCount, responseTimeoutSeconds = 60) => ({ name, retryCount, responseTimeoutSeconds, ...common });
    await this.metadata.registerTasks([
      taskDef(ADD, 0), taskDef(FLAKY, 2), taskDef(BROKEN, 1), taskDef(SLOW, 0, 12), taskDef(HELD, 0),
    ]);
    const read = await this.metadata.getTask(FLAKY);
    same("task definition", [read.name, read.retryCount, read.retryLogic], [FLAKY, 2, "FIXED"]);

    const define = (name, tasks, outputParameters = {}) => this.executor.registerWorkflow(true, {
      name, version: 1, tasks, outputParameters, inputParameters: [], schemaVersion: 2, timeoutSeconds: 300, ownerEmail: "a@example.com",
    });
    await define(CHILD, [simpleTask("child_add", ADD, { a: "${workflow.input.a}", b: "${workflow.input.b}" })],
      { sum: "${child_add.output.sum}" });
    const left = simpleTask("left", ADD, { a: "${workflow.input.a}", b: "${workflow.input.b}" });
    const right = simpleTask("right", FLAKY, {});
    const sub = { ...subWorkflowTask("sub", CHILD, 1), inputParameters: { a: "${left.output.sum}", b: 100 } };
    const other = simpleTask("other", ADD, { a: "${left.output.sum}", b: 1000 });
    await define(BRANCHES, [
      // the SDK's forkTask() puts all tasks into one branch
      { name: "fork", taskReferenceName: "fork", type: "FORK_JOIN", forkTasks: [[left], [right]] },
      joinTask("fork_join", ["left", "right"]),
      switchTask("route", "${workflow.input.route}", { sub: [sub] }, [other]),
      simpleTask("last", ADD, { a: "${left.output.sum}", b: "${right.output.attempt}" }),
    ], { child: "${sub.output.sum}", other: "${other.output.sum}", last: "${last.output.sum}" });
    await define(FAILING, [simpleTask("broken", BROKEN, {}), simpleTask("after", ADD, { a: 1, b: 1 })]);
    await define(WAITING, [simpleTask("held", HELD, {}), simpleTask("after", ADD, { a: "${held.output.n}", b: 1 })],
      { sum: "${after.output.sum}" });
    await define(LONG, [simpleTask("slow", SLOW, { seconds: 14 })]);

    const definition = await this.metadata.getWorkflowDef(BRANCHES, 1);
    same("tasks of the definition", definition.tasks.map((t) => t.type), ["FORK_JOIN", "JOIN", "SWITCH", "SIMPLE"]);
    same("case of the SWITCH", definition.tasks[2].decisionCases.sub[0].subWorkflowParam.name, CHILD);
    step("definitions: registered 5 task and 5 workflow definitions, read them back");
  }

  async workers() {
    const work = (taskDefName, execute, more = {}) => ({ taskDefName, execute, concurrency: 4, pollInterval: 50, ...more });
    const done = (outputData) => ({ status: "COMPLETED", outputData });
    this.handler = new TaskHandler({
      client: this.client,
      scanForDecorated: false,
      logger: noopLogger,
      workers: [
        work(ADD, async ({ inputData: { a, b } }) => {
          getTaskContext().addLog(`adding ${a} and ${b}`);
          return done({ sum: a + b });
        }),
        work(FLAKY, async ({ retryCount }) => {
          if (retryCount === 0) throw new Error("the first attempt fails");
          return done({ attempt: retryCount });
        }),
        work(BROKEN, async ({ retryCount }) => {
          if (retryCount < 2) throw new Error("still broken");
          return done({ attempt: retryCount });
        }),
        work(SLOW, async ({ inputData, retryCount }) => {
          await sleep(inputData.seconds * 1000);
          return done({ attempt: retryCount });
        }, { leaseExtendEnabled: true }),
      ],
    });
    await this.handler.startWorkers();
    same("all workers poll", this.handler.isHealthy(), true);
    this.long = await this.start(LONG, {});
    step("workers: one poller for each of 4 task types");
  }

  async start(name, input) {
    const run = await this.executor.startWorkflow({ name, version: 1, input, correlationId: RUN });
    if (typeof run !== "string" || run.length !== 36) {
      throw new Error(`start of ${name}: expected a run id, got ${JSON.stringify(run)}`);
    }
    return run;
  }

  async ended(run, status) {
    const found = await until(`the end of ${run}`, async () => {
      const { status } = await this.executor.getWorkflowStatus(run, false, false);
      return status !== "RUNNING" && status !== "PAUSED" && status;
    });
    same(`status of ${run}`, found, status);
    return this.executor.getWorkflow(run, true);
  }

  async branches() {
    const workflow = await this.ended(await this.start(BRANCHES, { a: 1, b: 2, route: "sub" }), "COMPLETED");
    same("output", workflow.output, { child: 103, other: null, last: 4 });
    same("correlation id", workflow.correlationId, RUN);
    const of = (reference) => workflow.tasks.filter((t) => t.referenceTaskName === reference);
    const references = [...new Set(workflow.tasks.map((t) => t.referenceTaskName))].sort();
    same("references", references, ["fork", "fork_join", "last", "left", "right", "route", "sub"]);
    const right = of("right");
    same("attempts of right", right.map((t) => [t.retryCount, t.status]), [[0, "FAILED"], [1, "COMPLETED"]]);
    same("reason of the first attempt", right[0].reasonForIncompletion, "the first attempt fails");
    same("retried task", right[1].retriedTaskId, right[0].taskId);
    same("types", ["fork", "fork_join", "route"].map((r) => of(r)[0].taskType), ["FORK", "JOIN", "SWITCH"]);
    const child = await this.executor.getExecution(of("sub")[0].subWorkflowId, true);
    same("child", [child.workflowName, child.status, child.output], [CHILD, "COMPLETED", { sum: 103 }]);
    same("parent of the child", child.parentWorkflowId, workflow.workflowId);
    const left = await this.tasks.getTask(of("left")[0].taskId);
    same("single task", [left.status, left.inputData, left.outputData], ["COMPLETED", { a: 1, b: 2 }, { sum: 3 }]);
    same("log lines", (await this.tasks.getTaskLogs(left.taskId)).map((l) => l.log), ["adding 1 and 2"]);
    await this.tasks.addTaskLog(left.taskId, "seen by hand");
    same("log lines after one more", (await this.tasks.getTaskLogs(left.taskId)).length, 2);
    step("branches: both ways of the fork, one retry, the child's output, log lines");
  }

  async defaultCase() {
    const workflow = await this.ended(await this.start(BRANCHES, { a: 5, b: 5, route: "nowhere" }), "COMPLETED");
    same("output", workflow.output, { child: null, other: 1010, last: 11 });
    same("no child", workflow.tasks.filter((t) => t.referenceTaskName === "sub"), []);
    step("default case: the other way through the SWITCH");
  }

  attempts(workflow) {
    return workflow.tasks.map((t) => [t.referenceTaskName, t.retryCount, t.status]);
  }

  async failure() {
    this.failed = await this.start(FAILING, {});
    const workflow = await this.ended(this.failed, "FAILED");
    if (!workflow.reasonForIncompletion?.includes("still broken")) {
      throw new Error(`reason of the run: ${JSON.stringify(workflow.reasonForIncompletion)}`);
    }
    same("attempts", this.attempts(workflow), [["broken", 0, "FAILED"], ["broken", 1, "FAILED"]]);
    step("failure: two attempts, then FAILED with the worker's reason");
  }

  async search() {
    const query = (status) => `workflowType = '${FAILING}' AND status = '${status}'`;
    const found = await until("the search to find the run", async () => {
      const { results } = await this.executor.search(0, 10, query("FAILED"), "*");
      return results.find((r) => r.workflowId === this.failed);
    });
    same("found run", [found.workflowType, found.status, found.correlationId], [FAILING, "FAILED", RUN]);
    const nothing = await this.executor.search(0, 10, query("RUNNING"), "*");
    same("runs of another status", [nothing.totalHits, nothing.results], [0, []]);
    step("search: found the failed run by type and status");
  }

  async retry() {
    await this.executor.retry(this.failed, false);
    const workflow = await this.ended(this.failed, "COMPLETED");
    same("attempts", this.attempts(workflow),
      [["broken", 0, "FAILED"], ["broken", 1, "FAILED"], ["broken", 2, "COMPLETED"], ["after", 0, "COMPLETED"]]);
    step("retry: the third attempt ended the failed run");
  }

  async pause() {
    const run = await this.start(WAITING, {});
    await this.executor.pause(run);
    same("status", (await this.executor.getWorkflow(run, false)).status, "PAUSED");
    await this.executor.updateTaskByRefName("held", run, "COMPLETED", { n: 41 });
    const paused = await this.executor.getWorkflow(run, true);
    same("paused run", [paused.status, this.attempts(paused)], ["PAUSED", [["held", 0, "COMPLETED"]]]);
    await this.executor.resume(run);
    same("output", (await this.ended(run, "COMPLETED")).output, { sum: 42 });
    step("pause: took a result, stood still, went on when resumed");
  }

  async terminate() {
    const run = await this.start(WAITING, {});
    await this.executor.terminate(run, "no longer wanted");
    const workflow = await this.ended(run, "TERMINATED");
    same("reason", workflow.reasonForIncompletion, "no longer wanted");
    same("tasks", this.attempts(workflow), [["held", 0, "CANCELED"]]);
    let refused;
    await this.executor.getExecution(randomUUID(), false).catch((error) => { refused = error; });
    if (!refused) throw new Error("a run that does not exist was found");
    step("terminate: ended with its reason, its task CANCELED");
  }

  async lease() {
    const workflow = await this.ended(this.long, "COMPLETED");
    same("attempts", this.attempts(workflow), [["slow", 0, "COMPLETED"]]);
    step("lease: 14 s of work outlived a response time-out of 12 s");
  }
}

const flow = await Flow.open(process.argv[2]);
const steps = ["credentials", "definitions", "workers", "branches", "defaultCase", "failure", "search", "retry", "pause",
  "terminate", "lease"];
let status = 0;
for (const name of steps) {
  try {
    await flow[name]();
  } catch (error) { // the steps after it are tried too, so that one run tells all
    status = 1;
    step(`FAILED ${name}: ${error.stack}`);
  }
}
await flow.handler?.stopWorkers();
process.exit(status);
