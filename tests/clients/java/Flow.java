// The common flow (../README.md) with the official Java SDK. Usage: java -cp 'libs/*' Flow.java http://127.0.0.1:8080

import com.netflix.conductor.client.automator.TaskRunnerConfigurer;
import com.netflix.conductor.client.exception.ConductorClientException;
import com.netflix.conductor.client.http.ConductorClient;
import com.netflix.conductor.client.http.MetadataClient;
import com.netflix.conductor.client.http.TaskClient;
import com.netflix.conductor.client.http.WorkflowClient;
import com.netflix.conductor.client.worker.Worker;
import com.netflix.conductor.common.metadata.tasks.TaskDef;
import com.netflix.conductor.common.metadata.tasks.TaskExecLog;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.metadata.workflow.StartWorkflowRequest;
import com.netflix.conductor.common.metadata.workflow.WorkflowDef;
import com.netflix.conductor.common.metadata.workflow.WorkflowTask;
import com.netflix.conductor.common.run.SearchResult;
import com.netflix.conductor.common.run.Workflow;
import com.netflix.conductor.common.run.WorkflowSummary;
import com.netflix.conductor.sdk.workflow.def.ConductorWorkflow;
import com.netflix.conductor.sdk.workflow.def.tasks.ForkJoin;
import com.netflix.conductor.sdk.workflow.def.tasks.SimpleTask;
import com.netflix.conductor.sdk.workflow.def.tasks.SubWorkflow;
import com.netflix.conductor.sdk.workflow.def.tasks.Switch;
import com.netflix.conductor.sdk.workflow.def.tasks.Task;
import com.netflix.conductor.sdk.workflow.executor.WorkflowExecutor;
import io.orkes.conductor.client.ApiClient;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;

public class Flow {
    static final String RUN = "java_" + UUID.randomUUID().toString().substring(24);
    static final String ADD = RUN + "_add", FLAKY = RUN + "_flaky", BROKEN = RUN + "_broken", SLOW = RUN + "_slow",
            HELD = RUN + "_held";
    static final String CHILD = RUN + "_child", BRANCHES = RUN + "_branches", FAILING = RUN + "_failing",
            WAITING = RUN + "_waiting", LONG = RUN + "_long";

    interface Step {
        void run() throws Exception;
    }

    final String api;
    final ConductorClient client;
    final MetadataClient metadata;
    final WorkflowClient workflows;
    final TaskClient tasks;
    final List<TaskRunnerConfigurer> hosts = new ArrayList<>();
    String failed, longRun;

    Flow(String base) {
        api = base + "/api";
        client = new ConductorClient(api);
        metadata = new MetadataClient(client);
        workflows = new WorkflowClient(client);
        tasks = new TaskClient(client);
    }

    static void step(String text) {
        System.out.println("java: " + text);
    }

    static void same(String what, Object actual, Object expected) {
        if (!Objects.equals(actual, expected)) {
            throw new AssertionError(what + ": expected " + expected + ", got " + actual);
        }
    }

    /** The first answer of `probe` that is not null. */
    static <T> T until(String what, Supplier<T> probe) throws InterruptedException {
        long deadline = System.nanoTime() + 60_000_000_000L;
        for (;;) {
            T answer = probe.get();
            if (answer != null) return answer;
            if (System.nanoTime() > deadline) throw new AssertionError("after 60 s still waiting for " + what);
            Thread.sleep(50);
        }
    }

    void credentials() {
        ApiClient withKey = new ApiClient(api, "some", "key");
        new MetadataClient(withKey).getAllTaskDefs();
        same("token", withKey.getToken(), null);
        step("credentials: no token to be had, went on without");
    }

    static TaskDef taskDef(String name, int retries, int responseTimeout) {
        TaskDef def = new TaskDef(name);
        def.setRetryCount(retries);
        def.setRetryLogic(TaskDef.RetryLogic.FIXED);
        def.setRetryDelaySeconds(0);
        def.setTimeoutSeconds(120);
        def.setResponseTimeoutSeconds(responseTimeout);
        def.setOwnerEmail("a@example.com");
        return def;
    }

    static SimpleTask simple(String type, String reference, Map<String, Object> input) {
        return new SimpleTask(type, reference).input(input);
    }

    void define(WorkflowExecutor executor, String name, Map<String, Object> output, Task<?>... steps) {
        ConductorWorkflow<Map<String, Object>> workflow = new ConductorWorkflow<>(executor);
        workflow.setName(name);
        workflow.setVersion(1);
        workflow.setOwnerEmail("a@example.com");
        workflow.setTimeoutSeconds(300);
        workflow.setTimeoutPolicy(WorkflowDef.TimeoutPolicy.TIME_OUT_WF);
        workflow.setWorkflowOutput(output);
        workflow.setVariables(new HashMap<>());
        for (Task<?> step : steps) workflow.add(step);
        same("registration of " + name, workflow.registerWorkflow(true, false), true);
    }

    void definitions() {
        metadata.registerTaskDefs(List.of(taskDef(ADD, 0, 60), taskDef(FLAKY, 2, 60), taskDef(BROKEN, 1, 60),
                taskDef(SLOW, 0, 12), taskDef(HELD, 0, 60)));
        TaskDef read = metadata.getTaskDef(FLAKY);
        same("task definition", List.of(read.getName(), read.getRetryCount(), read.getRetryLogic()),
                List.of(FLAKY, 2, TaskDef.RetryLogic.FIXED));

        WorkflowExecutor executor = new WorkflowExecutor(client, 50);
        define(executor, CHILD, Map.of("sum", "${child_add.output.sum}"),
                simple(ADD, "child_add", Map.of("a", "${workflow.input.a}", "b", "${workflow.input.b}")));
        SimpleTask left = simple(ADD, "left", Map.of("a", "${workflow.input.a}", "b", "${workflow.input.b}"));
        SimpleTask right = simple(FLAKY, "right", Map.of());
        SubWorkflow sub = new SubWorkflow("sub", CHILD, 1).input(Map.of("a", "${left.output.sum}", "b", 100));
        Switch route = new Switch("route", "${workflow.input.route}");
        route.switchCase("sub", sub);
        route.defaultCase(simple(ADD, "other", Map.of("a", "${left.output.sum}", "b", 1000)));
        define(executor, BRANCHES,
                Map.of("child", "${sub.output.sum}", "other", "${other.output.sum}", "last", "${last.output.sum}"),
                new ForkJoin("fork", new Task<?>[] {left}, new Task<?>[] {right}),
                route,
                simple(ADD, "last", Map.of("a", "${left.output.sum}", "b", "${right.output.attempt}")));
        define(executor, FAILING, Map.of(), simple(BROKEN, "broken", Map.of()),
                simple(ADD, "after", Map.of("a", 1, "b", 1)));
        define(executor, WAITING, Map.of("sum", "${after.output.sum}"), simple(HELD, "held", Map.of()),
                simple(ADD, "after", Map.of("a", "${held.output.n}", "b", 1)));
        define(executor, LONG, Map.of(), simple(SLOW, "slow", Map.of("seconds", 14)));

        WorkflowDef definition = metadata.getWorkflowDef(BRANCHES, 1);
        same("tasks of the definition", definition.getTasks().stream().map(WorkflowTask::getType).toList(),
                List.of("FORK_JOIN", "JOIN", "SWITCH", "SIMPLE"));
        same("case of the SWITCH",
                definition.getTasks().get(2).getDecisionCases().get("sub").get(0).getSubWorkflowParam().getName(), CHILD);
        step("definitions: registered 5 task and 5 workflow definitions, read them back");
    }

    static Worker worker(String type, Function<com.netflix.conductor.common.metadata.tasks.Task, TaskResult> work) {
        return new Worker() {
            @Override
            public String getTaskDefName() {
                return type;
            }

            @Override
            public TaskResult execute(com.netflix.conductor.common.metadata.tasks.Task task) {
                return work.apply(task);
            }

            @Override
            public int getPollingInterval() {
                return 50;
            }

            @Override
            public boolean leaseExtendEnabled() {
                return type.equals(SLOW);
            }
        };
    }

    static TaskResult done(com.netflix.conductor.common.metadata.tasks.Task task, String key, Object value) {
        TaskResult result = new TaskResult(task);
        result.setStatus(TaskResult.Status.COMPLETED);
        return result.addOutputData(key, value);
    }

    void host(boolean updateV2, Worker... work) {
        System.setProperty("taskUpdateV2", String.valueOf(updateV2)); // read when the pollers are made
        TaskRunnerConfigurer host = new TaskRunnerConfigurer.Builder(tasks, List.of(work)).withThreadCount(4)
                .withShutdownGracePeriodSeconds(1).build();
        host.init();
        hosts.add(host);
    }

    void workers() {
        host(false,
                worker(ADD, task -> {
                    Map<String, Object> input = task.getInputData();
                    int a = (Integer) input.get("a"), b = (Integer) input.get("b");
                    return done(task, "sum", a + b).log("adding " + a + " and " + b);
                }),
                worker(BROKEN, task -> {
                    if (task.getRetryCount() < 2) throw new IllegalStateException("still broken");
                    return done(task, "attempt", task.getRetryCount());
                }));
        // the host makes its pollers on its own threads: wait for the first work before the switch is turned
        longRun = start(LONG, Map.of());
        waitForPollers();
        host(true,
                worker(FLAKY, task -> {
                    if (task.getRetryCount() > 0) return done(task, "attempt", task.getRetryCount());
                    TaskResult result = new TaskResult(task);
                    result.setStatus(TaskResult.Status.FAILED);
                    result.setReasonForIncompletion("the first attempt fails");
                    return result;
                }),
                worker(SLOW, task -> {
                    try {
                        Thread.sleep(1000L * (Integer) task.getInputData().get("seconds"));
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                    return done(task, "attempt", task.getRetryCount());
                }));
        step("workers: one poller for each of 4 task types, two of them by update-v2");
    }

    /** A run that needs both workers of the first host proves that they poll. */
    void waitForPollers() {
        try {
            String run = start(FAILING, Map.of());
            ended(run, Workflow.WorkflowStatus.FAILED);
            failed = run;
            String added = start(CHILD, Map.of("a", 1, "b", 1));
            ended(added, Workflow.WorkflowStatus.COMPLETED);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    String start(String name, Map<String, Object> input) {
        StartWorkflowRequest request = new StartWorkflowRequest();
        request.setName(name);
        request.setVersion(1);
        request.setInput(input);
        request.setCorrelationId(RUN);
        String run = workflows.startWorkflow(request);
        if (run == null || run.length() != 36) throw new AssertionError("expected a run id, got " + run);
        return run;
    }

    Workflow ended(String run, Workflow.WorkflowStatus status) throws InterruptedException {
        Workflow.WorkflowStatus found = until("the end of " + run, () -> {
            Workflow.WorkflowStatus now = workflows.getWorkflow(run, false).getStatus();
            return now.isTerminal() ? now : null;
        });
        same("status of " + run, found, status);
        return workflows.getWorkflow(run, true);
    }

    static List<String> attempts(Workflow workflow) {
        return workflow.getTasks().stream()
                .map(t -> t.getReferenceTaskName() + " " + t.getRetryCount() + " " + t.getStatus()).toList();
    }

    static Stream<com.netflix.conductor.common.metadata.tasks.Task> of(Workflow workflow, String reference) {
        return workflow.getTasks().stream().filter(t -> t.getReferenceTaskName().equals(reference));
    }

    static Map<String, Object> output(Object child, Object other, Object last) {
        Map<String, Object> output = new HashMap<>(); // Map.of takes no null
        output.put("child", child);
        output.put("other", other);
        output.put("last", last);
        return output;
    }

    void branches() throws InterruptedException {
        String run = start(BRANCHES, Map.of("a", 1, "b", 2, "route", "sub"));
        Workflow workflow = ended(run, Workflow.WorkflowStatus.COMPLETED);
        same("output", workflow.getOutput(), output(103, null, 4));
        same("correlation id", workflow.getCorrelationId(), RUN);
        same("references", workflow.getTasks().stream().map(t -> t.getReferenceTaskName()).distinct().sorted().toList(),
                List.of("fork", "fork_join", "last", "left", "right", "route", "sub"));
        var right = of(workflow, "right").toList();
        same("attempts of right", right.stream().map(t -> t.getRetryCount() + " " + t.getStatus()).toList(),
                List.of("0 FAILED", "1 COMPLETED"));
        same("reason of the first attempt", right.get(0).getReasonForIncompletion(), "the first attempt fails");
        same("retried task", right.get(1).getRetriedTaskId(), right.get(0).getTaskId());
        same("types", Stream.of("fork", "fork_join", "route").map(r -> of(workflow, r).toList().get(0).getTaskType()).toList(),
                List.of("FORK", "JOIN", "SWITCH"));
        Workflow child = workflows.getWorkflow(of(workflow, "sub").toList().get(0).getSubWorkflowId(), true);
        same("child", List.of(child.getWorkflowName(), child.getStatus(), child.getOutput()),
                List.of(CHILD, Workflow.WorkflowStatus.COMPLETED, Map.of("sum", 103)));
        same("parent of the child", child.getParentWorkflowId(), run);
        var left = tasks.getTaskDetails(of(workflow, "left").toList().get(0).getTaskId());
        same("single task", List.of(left.getStatus().name(), left.getInputData(), left.getOutputData()),
                List.of("COMPLETED", Map.of("a", 1, "b", 2), Map.of("sum", 3)));
        same("log lines", tasks.getTaskLogs(left.getTaskId()).stream().map(TaskExecLog::getLog).toList(),
                List.of("adding 1 and 2"));
        tasks.logMessageForTask(left.getTaskId(), "seen by hand");
        same("log lines after one more", tasks.getTaskLogs(left.getTaskId()).size(), 2);
        step("branches: both ways of the fork, one retry, the child's output, log lines");
    }

    void defaultCase() throws InterruptedException {
        Workflow workflow = ended(start(BRANCHES, Map.of("a", 5, "b", 5, "route", "nowhere")), Workflow.WorkflowStatus.COMPLETED);
        same("output", workflow.getOutput(), output(null, 1010, 11));
        same("no child", of(workflow, "sub").toList(), List.of());
        step("default case: the other way through the SWITCH");
    }

    void failure() throws InterruptedException {
        Workflow workflow = ended(failed, Workflow.WorkflowStatus.FAILED);
        String reason = workflow.getReasonForIncompletion();
        if (reason == null || !reason.contains("still broken")) throw new AssertionError("reason of the run: " + reason);
        same("attempts", attempts(workflow), List.of("broken 0 FAILED", "broken 1 FAILED"));
        step("failure: two attempts, then FAILED with the worker's reason");
    }

    void search() throws InterruptedException {
        String type = "workflowType = '" + FAILING + "' AND status = ";
        WorkflowSummary found = until("the search to find the run", () -> workflows.search(type + "'FAILED'").getResults()
                .stream().filter(r -> r.getWorkflowId().equals(failed)).findFirst().orElse(null));
        same("found run", List.of(found.getWorkflowType(), found.getStatus().name(), found.getCorrelationId()),
                List.of(FAILING, "FAILED", RUN));
        SearchResult<Workflow> whole = workflows.searchV2(0, 10, "startTime:DESC", "*", type + "'FAILED'");
        same("whole runs", whole.getResults().stream().map(Workflow::getWorkflowId).toList(), List.of(failed));
        SearchResult<WorkflowSummary> nothing = workflows.search(0, 10, "", "*", type + "'RUNNING'");
        same("runs of another status", List.of(nothing.getTotalHits(), nothing.getResults()), List.of(0L, List.of()));
        step("search: found the failed run by type and status");
    }

    void retry() throws InterruptedException {
        workflows.retryLastFailedTask(failed);
        Workflow workflow = ended(failed, Workflow.WorkflowStatus.COMPLETED);
        same("attempts", attempts(workflow),
                List.of("broken 0 FAILED", "broken 1 FAILED", "broken 2 COMPLETED", "after 0 COMPLETED"));
        step("retry: the third attempt ended the failed run");
    }

    void pause() throws InterruptedException {
        String run = start(WAITING, Map.of());
        var held = until("the held task", () -> tasks.batchPollTasksByTaskType(HELD, "hand", 5, 200).stream().findFirst().orElse(null));
        same("polled task", List.of(held.getWorkflowInstanceId(), held.getStatus().name(), held.getWorkerId()),
                List.of(run, "IN_PROGRESS", "hand"));
        workflows.pauseWorkflow(run);
        same("status", workflows.getWorkflow(run, false).getStatus(), Workflow.WorkflowStatus.PAUSED);
        tasks.updateTask(done(held, "n", 41));
        Workflow paused = workflows.getWorkflow(run, true);
        same("paused run", List.of(paused.getStatus(), attempts(paused)),
                List.of(Workflow.WorkflowStatus.PAUSED, List.of("held 0 COMPLETED")));
        workflows.resumeWorkflow(run);
        same("output", ended(run, Workflow.WorkflowStatus.COMPLETED).getOutput(), Map.of("sum", 42));
        step("pause: took a result, stood still, went on when resumed");
    }

    void terminate() throws InterruptedException {
        String run = start(WAITING, Map.of());
        workflows.terminateWorkflow(run, "no longer wanted");
        Workflow workflow = ended(run, Workflow.WorkflowStatus.TERMINATED);
        same("reason", workflow.getReasonForIncompletion(), "no longer wanted");
        same("tasks", attempts(workflow), List.of("held 0 CANCELED"));
        try {
            workflows.getWorkflow(UUID.randomUUID().toString(), false);
            throw new AssertionError("a run that does not exist was found");
        } catch (ConductorClientException e) {
            same("status for a run that does not exist", e.getStatus(), 404);
        }
        step("terminate: ended with its reason, its task CANCELED");
    }

    void lease() throws InterruptedException {
        same("attempts", attempts(ended(longRun, Workflow.WorkflowStatus.COMPLETED)), List.of("slow 0 COMPLETED"));
        step("lease: 14 s of work outlived a response time-out of 12 s");
    }

    public static void main(String[] arguments) {
        Flow flow = new Flow(arguments[0]);
        Map<String, Step> steps = new java.util.LinkedHashMap<>();
        steps.put("credentials", flow::credentials);
        steps.put("definitions", flow::definitions);
        steps.put("workers", flow::workers);
        steps.put("branches", flow::branches);
        steps.put("default case", flow::defaultCase);
        steps.put("failure", flow::failure);
        steps.put("search", flow::search);
        steps.put("retry", flow::retry);
        steps.put("pause", flow::pause);
        steps.put("terminate", flow::terminate);
        steps.put("lease", flow::lease);
        int status = 0;
        for (var entry : steps.entrySet()) {
            try {
                entry.getValue().run();
            } catch (Throwable error) { // the steps after it are tried too, so that one run tells all
                status = 1;
                step("FAILED " + entry.getKey() + ": " + error);
            }
        }
        flow.hosts.forEach(TaskRunnerConfigurer::shutdown);
        System.exit(status);
    }
}
