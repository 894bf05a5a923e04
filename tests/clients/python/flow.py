"""The common flow (../README.md) with the official Python SDK. Usage: flow.py http://127.0.0.1:8080"""

import logging
import sys
import time
import uuid

import workers
from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models import StartWorkflowRequest, TaskDef, TaskResult
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.http.rest import ApiException
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker import Worker
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.fork_task import ForkTask
from conductor.client.workflow.task.simple_task import simple_task
from conductor.client.workflow.task.sub_workflow_task import SubWorkflowTask
from conductor.client.workflow.task.switch_task import SwitchTask

RUN = f"python_{uuid.uuid4().hex[:12]}"
ADD, FLAKY, BROKEN, SLOW, HELD = (f"{RUN}_{name}" for name in ("add", "flaky", "broken", "slow", "held"))
CHILD, BRANCHES, FAILING, WAITING, LONG = (f"{RUN}_{n}" for n in ("child", "branches", "failing", "waiting", "long"))


def step(text):
    print(f"python: {text}", flush=True)


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


class Flow:
    def __init__(self, base):
        self.configuration = Configuration(base_url=base)
        clients = OrkesClients(configuration=self.configuration)
        self.metadata = clients.get_metadata_client()
        self.workflows = clients.get_workflow_client()
        self.tasks = clients.get_task_client()
        self.executor = clients.get_workflow_executor()

    def credentials(self, base):
        settings = AuthenticationSettings(key_id="some", key_secret="key")
        configuration = Configuration(base_url=base, authentication_settings=settings)
        clients = OrkesClients(configuration=configuration)
        clients.get_metadata_client().get_all_task_defs()
        same("authentication after a 404 for the token", configuration.authentication_settings, None)
        step("credentials: no token to be had, went on without")

    def definitions(self):
        common = {"retry_logic": "FIXED", "retry_delay_seconds": 0, "timeout_seconds": 120, "owner_email": "a@example.com"}
        for name, retries, response in ((ADD, 0, 60), (FLAKY, 2, 60), (BROKEN, 1, 60), (SLOW, 0, 12), (HELD, 0, 60)):
            self.metadata.register_task_def(
                TaskDef(name=name, retry_count=retries, response_timeout_seconds=response, **common))
        read = self.metadata.get_task_def(FLAKY)
        if isinstance(read, dict):  # this call of the SDK has no type for its answer
            read = TaskDef(**{key: read[wire] for key, wire in TaskDef.attribute_map.items() if wire in read})
        same("retries of the task definition", (read.name, read.retry_count, read.retry_logic), (FLAKY, 2, "FIXED"))

        child = ConductorWorkflow(self.executor, CHILD, version=1)
        child >> simple_task(ADD, "child_add", {"a": "${workflow.input.a}", "b": "${workflow.input.b}"})
        child.output_parameters({"sum": "${child_add.output.sum}"})
        child.register(overwrite=True)

        left = simple_task(ADD, "left", {"a": "${workflow.input.a}", "b": "${workflow.input.b}"})
        right = simple_task(FLAKY, "right", {})
        sub = SubWorkflowTask("sub", CHILD, version=1)
        sub.input_parameters.update({"a": "${left.output.sum}", "b": 100})
        route = SwitchTask("route", "${workflow.input.route}")
        route.switch_case("sub", [sub])
        route.default_case([simple_task(ADD, "other", {"a": "${left.output.sum}", "b": 1000})])
        branches = ConductorWorkflow(self.executor, BRANCHES, version=1, description="fork, join, switch, child")
        branches >> ForkTask("fork", [[left], [right]], join_on=["left", "right"]) >> route
        branches >> simple_task(ADD, "last", {"a": "${left.output.sum}", "b": "${right.output.attempt}"})
        branches.output_parameters({"child": "${sub.output.sum}", "other": "${other.output.sum}", "last": "${last.output.sum}"})
        branches.timeout_seconds(300)
        branches.register(overwrite=True)

        failing = ConductorWorkflow(self.executor, FAILING, version=1)
        failing >> simple_task(BROKEN, "broken", {}) >> simple_task(ADD, "after", {"a": 1, "b": 1})
        failing.register(overwrite=True)
        waiting = ConductorWorkflow(self.executor, WAITING, version=1)
        waiting >> simple_task(HELD, "held", {}) >> simple_task(ADD, "after", {"a": "${held.output.n}", "b": 1})
        waiting.output_parameters({"sum": "${after.output.sum}"})
        waiting.register(overwrite=True)
        long = ConductorWorkflow(self.executor, LONG, version=1)
        long >> simple_task(SLOW, "slow", {"seconds": 14})
        long.register(overwrite=True)

        definition = self.metadata.get_workflow_def(BRANCHES, version=1)
        same("tasks of the definition", [task.type for task in definition.tasks], ["FORK_JOIN", "JOIN", "SWITCH", "SIMPLE"])
        same("case of the SWITCH", definition.tasks[2].decision_cases["sub"][0].sub_workflow_param.name, CHILD)
        step("definitions: registered 5 task and 5 workflow definitions, read them back")

    def workers(self):
        work = [
            Worker(task_definition_name=name, execute_function=function, poll_interval=50, thread_count=4,
                   lease_extend_enabled=name == SLOW)
            for name, function in ((ADD, workers.add), (FLAKY, workers.flaky), (BROKEN, workers.broken), (SLOW, workers.slow))
        ]
        handler = TaskHandler(workers=work, configuration=self.configuration, metrics_settings=None,
                              scan_for_annotated_workers=False)
        handler.start_processes()
        step("workers: one process for each of 4 task types")
        return handler

    def start(self, name, **data):
        run = self.workflows.start_workflow(StartWorkflowRequest(name=name, version=1, input=data, correlation_id=RUN))
        if not isinstance(run, str) or len(run) != 36:
            raise AssertionError(f"start of {name}: expected a run id, got {run!r}")
        return run

    def ended(self, run, status):
        def probe():
            found = self.workflows.get_workflow_status(run).status
            return found not in ("RUNNING", "PAUSED") and found

        same(f"status of {run}", until(f"the end of {run}", probe), status)
        return self.workflows.get_workflow(run, include_tasks=True)

    def branches(self):
        workflow = self.ended(self.start(BRANCHES, a=1, b=2, route="sub"), "COMPLETED")
        same("output", workflow.output, {"child": 103, "other": None, "last": 4})
        same("correlation id", workflow.correlation_id, RUN)
        by_name = {}
        for task in workflow.tasks:
            by_name.setdefault(task.reference_task_name, []).append(task)
        same("references", sorted(by_name), sorted(["fork", "left", "right", "fork_join", "route", "sub", "last"]))
        same("attempts of right", [(t.retry_count, t.status) for t in by_name["right"]], [(0, "FAILED"), (1, "COMPLETED")])
        same("reason of the first attempt", by_name["right"][0].reason_for_incompletion, "the first attempt fails")
        same("retried task", by_name["right"][1].retried_task_id, by_name["right"][0].task_id)
        same("types", [by_name[r][0].task_type for r in ("fork", "fork_join", "route")], ["FORK", "JOIN", "SWITCH"])
        child = self.workflows.get_workflow(by_name["sub"][0].sub_workflow_id, include_tasks=True)
        same("child", (child.workflow_name, child.status, child.output), (CHILD, "COMPLETED", {"sum": 103}))
        same("parent of the child", child.parent_workflow_id, workflow.workflow_id)
        left = self.tasks.get_task(by_name["left"][0].task_id)
        same("single task", (left.status, left.input_data, left.output_data), ("COMPLETED", {"a": 1, "b": 2}, {"sum": 3}))
        logs = self.tasks.get_task_logs(left.task_id)
        same("log lines", [line.log for line in logs], ["adding 1 and 2"])
        self.tasks.add_task_log(left.task_id, "seen by hand")
        same("log lines after one more", len(self.tasks.get_task_logs(left.task_id)), 2)
        step("branches: both ways of the fork, one retry, the child's output, log lines")

    def default_case(self):
        workflow = self.ended(self.start(BRANCHES, a=5, b=5, route="nowhere"), "COMPLETED")
        same("output", workflow.output, {"child": None, "other": 1010, "last": 11})
        same("no child", [t for t in workflow.tasks if t.reference_task_name == "sub"], [])
        step("default case: the other way through the SWITCH")

    def failure(self):
        run = self.start(FAILING)
        workflow = self.ended(run, "FAILED")
        if "still broken" not in (workflow.reason_for_incompletion or ""):
            raise AssertionError(f"reason of the run: {workflow.reason_for_incompletion!r}")
        same("attempts", [(t.reference_task_name, t.retry_count, t.status) for t in workflow.tasks],
             [("broken", 0, "FAILED"), ("broken", 1, "FAILED")])
        step("failure: two attempts, then FAILED with the worker's reason")
        return run

    def search(self, run):
        query = f"workflowType = '{FAILING}' AND status = 'FAILED'"
        found = until("the search to find the run",
                      lambda: [r for r in self.workflows.search(0, 10, "*", query).results if r.workflow_id == run])
        same("found run", (found[0].workflow_type, found[0].status, found[0].correlation_id), (FAILING, "FAILED", RUN))
        nothing = self.workflows.search(0, 10, "*", f"workflowType = '{FAILING}' AND status = 'RUNNING'")
        same("runs of another status", nothing.results, [])  # the SDK's type has no totalHits
        step("search: found the failed run by type and status")

    def retry(self, run):
        self.workflows.retry_workflow(run)
        workflow = self.ended(run, "COMPLETED")
        same("attempts", [(t.reference_task_name, t.retry_count, t.status) for t in workflow.tasks],
             [("broken", 0, "FAILED"), ("broken", 1, "FAILED"), ("broken", 2, "COMPLETED"), ("after", 0, "COMPLETED")])
        step("retry: the third attempt ended the failed run")

    def pause(self):
        run = self.start(WAITING)
        task = until("the held task", lambda: self.tasks.batch_poll_tasks(HELD, worker_id="hand", count=5, timeout_in_millisecond=200))[0]
        same("polled task", (task.workflow_instance_id, task.status, task.worker_id), (run, "IN_PROGRESS", "hand"))
        self.workflows.pause_workflow(run)
        same("status", self.workflows.get_workflow(run).status, "PAUSED")
        result = TaskResult(workflow_instance_id=run, task_id=task.task_id, worker_id="hand",
                            status=TaskResultStatus.COMPLETED, output_data={"n": 41})
        self.tasks.update_task(result)
        workflow = self.workflows.get_workflow(run, include_tasks=True)
        same("paused run", (workflow.status, [(t.reference_task_name, t.status) for t in workflow.tasks]),
             ("PAUSED", [("held", "COMPLETED")]))
        self.workflows.resume_workflow(run)
        same("output", self.ended(run, "COMPLETED").output, {"sum": 42})
        step("pause: took a result, stood still, went on when resumed")

    def terminate(self):
        run = self.start(WAITING)
        self.workflows.terminate_workflow(run, reason="no longer wanted")
        workflow = self.ended(run, "TERMINATED")
        same("reason", workflow.reason_for_incompletion, "no longer wanted")
        same("tasks", [(t.reference_task_name, t.status) for t in workflow.tasks], [("held", "CANCELED")])
        try:
            self.workflows.get_workflow(str(uuid.uuid4()))
            raise AssertionError("a run that does not exist was found")
        except ApiException as error:
            same("status for a run that does not exist", error.status, 404)
        step("terminate: ended with its reason, its task CANCELED")

    def lease(self, run):
        workflow = self.ended(run, "COMPLETED")
        same("attempts", [(t.retry_count, t.status) for t in workflow.tasks], [(0, "COMPLETED")])
        step("lease: 14 s of work outlived a response time-out of 12 s")


def main():
    logging.disable(logging.ERROR)  # the SDK logs the tracebacks of workers that fail on purpose
    flow = Flow(sys.argv[1])
    failed = False
    state = {}
    steps = [
        ("credentials", lambda: flow.credentials(sys.argv[1])),
        ("definitions", flow.definitions),
        ("workers", lambda: state.update(handler=flow.workers(), long=flow.start(LONG))),
        ("branches", flow.branches),
        ("default case", flow.default_case),
        ("failure", lambda: state.update(run=flow.failure())),
        ("search", lambda: flow.search(state["run"])),
        ("retry", lambda: flow.retry(state["run"])),
        ("pause", flow.pause),
        ("terminate", flow.terminate),
        ("lease", lambda: flow.lease(state["long"])),
    ]
    for name, run in steps:
        try:
            run()
        except Exception as error:  # the steps after it are tried too, so that one run tells all
            failed = True
            step(f"FAILED {name}: {type(error).__name__}: {error}")
    if "handler" in state:
        state["handler"].stop_processes()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
