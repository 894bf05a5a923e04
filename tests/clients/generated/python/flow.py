"""The common flow (../../README.md) with a Python client made by OpenAPI Generator from openapi/podium.json.

Usage: flow.py http://127.0.0.1:8080, with the generated package `podium_client` on the path. A generated client
has no worker host: a thread for each task type polls and reports.
"""

import sys
import threading
import time
import uuid

from podium_client import (
    ApiClient, ApiException, Configuration, MetadataApi, ReportedLog, StartWorkflowRequest, SubWorkflowParams, TaskApi, TaskDef,
    TaskResult, WorkflowApi, WorkflowDef, WorkflowTask,
)

RUN = f"generated_python_{uuid.uuid4().hex[:12]}"
ADD, FLAKY, BROKEN, SLOW, HELD = (f"{RUN}_{name}" for name in ("add", "flaky", "broken", "slow", "held"))
CHILD, BRANCHES, FAILING, WAITING, LONG = (f"{RUN}_{n}" for n in ("child", "branches", "failing", "waiting", "long"))


def step(text):
    print(f"generated_python: {text}", flush=True)


def same(what, actual, expected):
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def until(what, probe, seconds=60):
    """The first true answer of `probe`."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still waiting for {what}")
        time.sleep(0.05)
    return answer


def simple(kind, reference, **inputs):
    return WorkflowTask(name=kind, task_reference_name=reference, type="SIMPLE", input_parameters=inputs)


def attempts(workflow):
    return [(t.reference_task_name, t.retry_count, t.status) for t in workflow.tasks]


class Work:
    """What the workers do: output, or an exception."""

    @staticmethod
    def add(task):
        return {"sum": task.input_data["a"] + task.input_data["b"]}

    @staticmethod
    def flaky(task):
        if task.retry_count == 0:
            raise RuntimeError("the first attempt fails")
        return {"attempt": task.retry_count}

    @staticmethod
    def broken(task):
        if task.retry_count < 2:
            raise RuntimeError("still broken")
        return {"attempt": task.retry_count}


class Flow:
    def __init__(self, base):
        self.client = ApiClient(Configuration(host=base))
        self.metadata = MetadataApi(self.client)
        self.runs = WorkflowApi(self.client)
        self.tasks = TaskApi(self.client)
        self.faults = []
        self.threads = []
        self.stopped = threading.Event()

    def definitions(self):
        def task_def(name, retries, response=60):
            return TaskDef(name=name, retry_count=retries, retry_logic="FIXED", retry_delay_seconds=0, timeout_seconds=120,
                           response_timeout_seconds=response, owner_email="a@example.com")

        self.metadata.register_task_def(
            [task_def(ADD, 0), task_def(FLAKY, 2), task_def(BROKEN, 1), task_def(SLOW, 0, 6), task_def(HELD, 0)])
        read = self.metadata.get_task_def(FLAKY)
        same("task definition", (read.name, read.retry_count, read.retry_logic), (FLAKY, 2, "FIXED"))

        def define(name, tasks, **output):
            self.metadata.create(WorkflowDef(name=name, version=1, tasks=tasks, output_parameters=output, timeout_seconds=300,
                                             owner_email="a@example.com"))

        define(CHILD, [simple(ADD, "child_add", a="${workflow.input.a}", b="${workflow.input.b}")], sum="${child_add.output.sum}")
        left = simple(ADD, "left", a="${workflow.input.a}", b="${workflow.input.b}")
        right = simple(FLAKY, "right")
        sub = WorkflowTask(name="sub", task_reference_name="sub", type="SUB_WORKFLOW",
                           sub_workflow_param=SubWorkflowParams(name=CHILD, version=1),
                           input_parameters={"a": "${left.output.sum}", "b": 100})
        other = simple(ADD, "other", a="${left.output.sum}", b=1000)
        define(BRANCHES, [
            WorkflowTask(name="fork", task_reference_name="fork", type="FORK_JOIN", fork_tasks=[[left], [right]]),
            WorkflowTask(name="fork_join", task_reference_name="fork_join", type="JOIN", join_on=["left", "right"]),
            WorkflowTask(name="route", task_reference_name="route", type="SWITCH", evaluator_type="value-param", expression="case",
                         input_parameters={"case": "${workflow.input.route}"}, decision_cases={"sub": [sub]}, default_case=[other]),
            simple(ADD, "last", a="${left.output.sum}", b="${right.output.attempt}"),
        ], child="${sub.output.sum}", other="${other.output.sum}", last="${last.output.sum}")
        define(FAILING, [simple(BROKEN, "broken"), simple(ADD, "after", a=1, b=1)])
        define(WAITING, [simple(HELD, "held"), simple(ADD, "after", a="${held.output.n}", b=1)], sum="${after.output.sum}")
        define(LONG, [simple(SLOW, "slow")])
        definition = self.metadata.get1(BRANCHES, version=1)
        same("tasks of the definition", [t.type for t in definition.tasks], ["FORK_JOIN", "JOIN", "SWITCH", "SIMPLE"])
        same("case of the SWITCH", definition.tasks[2].decision_cases["sub"][0].sub_workflow_param.name, CHILD)
        step("definitions: registered 5 task and 5 workflow definitions, read them back")

    def spawn(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments)
        thread.start()
        self.threads.append(thread)

    def stop(self):
        """Waits for the threads: one that runs on while the interpreter ends crashes it."""
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def work(self, kind, function, v2):
        try:
            while not self.stopped.is_set():
                for task in self.tasks.batch_poll(kind, count=4, timeout=200, workerid="generated"):
                    while task is not None:
                        task = self.report(task, function, v2)
        except Exception as error:  # a fault of the client ends the worker, and the run that waits for it
            self.faults.append(f"{kind}: {error!r}")

    def report(self, task, function, v2):
        """Does the task; the next one if the server handed one out with its answer."""
        result = TaskResult(task_id=task.task_id, workflow_instance_id=task.workflow_instance_id, worker_id="generated",
                            status="COMPLETED")
        try:
            result.output_data = function(task)
            if function is Work.add:
                result.logs = [ReportedLog(log=f"adding {task.input_data['a']} and {task.input_data['b']}")]
        except RuntimeError as error:
            result.status, result.reason_for_incompletion = "FAILED", str(error)
        if v2:
            return self.tasks.update_task_v2(result)
        same("answer to a report", self.tasks.update_task(result), task.task_id)
        return None

    def workers(self):
        for kind, function, v2 in ((ADD, Work.add, True), (FLAKY, Work.flaky, False), (BROKEN, Work.broken, True)):
            self.spawn(self.work, kind, function, v2)
        self.long = self.start(LONG)
        self.slow = until("the slow task", lambda: self.tasks.poll(SLOW, workerid="generated"))
        self.slow_since = time.monotonic()
        self.spawn(self.extend)
        step("workers: a thread for each of 3 task types, and one that extends a lease")

    def extend(self):
        try:
            for _ in range(4):
                if self.stopped.wait(2):
                    return
                self.tasks.update_task(TaskResult(task_id=self.slow.task_id, workflow_instance_id=self.long, status="IN_PROGRESS",
                                                  extend_lease=True))
        except Exception as error:
            self.faults.append(f"lease extension: {error!r}")

    def start(self, name, **inputs):
        run = self.runs.start_workflow(StartWorkflowRequest(name=name, version=1, input=inputs, correlation_id=RUN))
        same("length of a run id", len(run), 36)
        return run

    def ended(self, run, status):
        def probe():
            same("faults of the workers", self.faults, [])
            found = self.runs.get_workflow_status_summary(run).status
            return found not in ("RUNNING", "PAUSED") and found

        same(f"status of {run}", until(f"the end of {run}", probe), status)
        return self.runs.get_execution_status(run)

    def branches(self):
        run = self.start(BRANCHES, a=1, b=2, route="sub")
        workflow = self.ended(run, "COMPLETED")
        same("output", workflow.output, {"child": 103, "other": None, "last": 4})
        same("correlation id", workflow.correlation_id, RUN)
        by_name = {}
        for task in workflow.tasks:
            by_name.setdefault(task.reference_task_name, []).append(task)
        same("references", sorted(by_name), ["fork", "fork_join", "last", "left", "right", "route", "sub"])
        right = by_name["right"]
        same("attempts of right", [(t.retry_count, t.status) for t in right], [(0, "FAILED"), (1, "COMPLETED")])
        same("reason of the first attempt", right[0].reason_for_incompletion, "the first attempt fails")
        same("retried task", right[1].retried_task_id, right[0].task_id)
        child = self.runs.get_execution_status(by_name["sub"][0].sub_workflow_id, include_tasks=True)
        same("child", (child.workflow_name, child.status, child.output), (CHILD, "COMPLETED", {"sum": 103}))
        same("parent of the child", child.parent_workflow_id, run)
        left = self.tasks.get_task(by_name["left"][0].task_id)
        same("single task", (left.status, left.input_data, left.output_data), ("COMPLETED", {"a": 1, "b": 2}, {"sum": 3}))
        same("log lines", [line.log for line in self.tasks.get_task_logs(left.task_id)], ["adding 1 and 2"])
        self.tasks.log(left.task_id, "seen by hand")
        same("log lines after one more", len(self.tasks.get_task_logs(left.task_id)), 2)
        page = self.runs.get_execution_status_task_list(run, start=0, count=3)
        same("a page of tasks", (page.total_hits, len(page.results)), (len(workflow.tasks), 3))
        step("branches: both ways of the fork, one retry, the child's output, log lines")

    def default_case(self):
        workflow = self.ended(self.runs.start_workflow1(BRANCHES, {"a": 5, "b": 5, "route": "nowhere"}, version=1), "COMPLETED")
        same("output", workflow.output, {"child": None, "other": 1010, "last": 11})
        step("default case: the other way through the SWITCH")

    def failure(self):
        self.failed = self.start(FAILING)
        workflow = self.ended(self.failed, "FAILED")
        if "still broken" not in (workflow.reason_for_incompletion or ""):
            raise AssertionError(f"reason of the run: {workflow.reason_for_incompletion!r}")
        same("attempts", attempts(workflow), [("broken", 0, "FAILED"), ("broken", 1, "FAILED")])
        step("failure: two attempts, then FAILED with the worker's reason")

    def search(self):
        query = f"workflowType = '{FAILING}' AND status = "
        found = until("the search to find the run", lambda: self.runs.search1(start=0, size=10, query=query + "'FAILED'").results)
        same("found run", [(r.workflow_id, r.workflow_type, r.status, r.correlation_id) for r in found],
             [(self.failed, FAILING, "FAILED", RUN)])
        nothing = self.runs.search1(free_text="*", query=query + "'RUNNING'")
        same("runs of another status", (nothing.total_hits, nothing.results), (0, []))
        step("search: found the failed run by type and status")

    def retry(self):
        self.runs.retry(self.failed)
        same("attempts", attempts(self.ended(self.failed, "COMPLETED")),
             [("broken", 0, "FAILED"), ("broken", 1, "FAILED"), ("broken", 2, "COMPLETED"), ("after", 0, "COMPLETED")])
        step("retry: the third attempt ended the failed run")

    def pause(self):
        run = self.start(WAITING)
        held = until("the held task", lambda: self.tasks.poll(HELD, workerid="hand"))
        same("polled task", (held.workflow_instance_id, held.status, held.worker_id), (run, "IN_PROGRESS", "hand"))
        self.runs.pause_workflow(run)
        same("status", self.runs.get_workflow_status_summary(run).status, "PAUSED")
        self.tasks.update_task1(run, "held", "COMPLETED", {"n": 41})
        paused = self.runs.get_execution_status(run)
        same("paused run", (paused.status, attempts(paused)), ("PAUSED", [("held", 0, "COMPLETED")]))
        self.runs.resume_workflow(run)
        same("output", self.ended(run, "COMPLETED").output, {"sum": 42})
        step("pause: took a result, stood still, went on when resumed")

    def terminate(self):
        run = self.start(WAITING)
        self.runs.terminate1(run, reason="no longer wanted")
        workflow = self.ended(run, "TERMINATED")
        same("reason", workflow.reason_for_incompletion, "no longer wanted")
        same("tasks", attempts(workflow), [("held", 0, "CANCELED")])
        try:
            self.runs.get_execution_status(str(uuid.uuid4()))
            raise AssertionError("a run that does not exist was found")
        except ApiException as error:
            same("error for a run that does not exist", (error.status, error.data.status, error.data.retryable), (404, 404, False))
        step("terminate: ended with its reason, its task CANCELED")

    def lease(self):
        until("8 s of work", lambda: time.monotonic() - self.slow_since > 8)
        self.tasks.update_task(TaskResult(task_id=self.slow.task_id, workflow_instance_id=self.long, status="COMPLETED"))
        same("attempts", attempts(self.ended(self.long, "COMPLETED")), [("slow", 0, "COMPLETED")])
        step("lease: 8 s of work outlived a response time-out of 6 s")


def main():
    flow = Flow(sys.argv[1])
    failed = False
    names = ("definitions", "workers", "branches", "default_case", "failure", "search", "retry", "pause", "terminate", "lease")
    for name in names:
        try:
            getattr(flow, name)()
        except Exception as error:  # the steps after it are tried too, so that one run tells all
            failed = True
            step(f"FAILED {name}: {type(error).__name__}: {error}")
    flow.stop()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
