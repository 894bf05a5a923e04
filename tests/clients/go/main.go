// The common flow (../README.md) with the official Go SDK. Usage: go run . http://127.0.0.1:8080
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/antihax/optional"
	"github.com/conductor-sdk/conductor-go/sdk/client"
	"github.com/conductor-sdk/conductor-go/sdk/model"
	"github.com/conductor-sdk/conductor-go/sdk/settings"
	"github.com/conductor-sdk/conductor-go/sdk/worker"
	"github.com/conductor-sdk/conductor-go/sdk/workflow"
	"github.com/conductor-sdk/conductor-go/sdk/workflow/executor"
	"github.com/google/uuid"
	log "github.com/sirupsen/logrus"
)

type object = map[string]interface{}

var (
	id    = "go_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	named = func(name string) string { return id + "_" + name }
	// task types
	add, flaky, broken, slow, held = named("add"), named("flaky"), named("broken"), named("slow"), named("held")
	// workflows
	child, branches, failing, waiting, long = named("child"), named("branches"), named("failing"), named("waiting"), named("long")
)

func step(text string) { fmt.Println("go: " + text) }

// A step ends with a panic at the first difference; main reports it and goes on to the next step.
func same(what string, actual, expected interface{}) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%s: expected %v, got %v", what, expected, actual))
	}
}

func must(what string, err error) {
	if err != nil {
		panic(fmt.Sprintf("%s: %v", what, err))
	}
}

func until(what string, probe func() bool) {
	for deadline := time.Now().Add(60 * time.Second); !probe(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			panic("after 60 s still waiting for " + what)
		}
	}
}

type flow struct {
	ctx             context.Context
	metadata        client.MetadataClient
	workflows       client.WorkflowClient
	tasks           client.TaskClient
	executor        *executor.WorkflowExecutor
	runner          *worker.TaskRunner
	failed, longRun string
}

func open(base string) *flow {
	api := client.NewAPIClient(nil, settings.NewHttpSettings(base+"/api"))
	return &flow{
		ctx:       context.Background(),
		metadata:  client.NewMetadataClient(api),
		workflows: client.NewWorkflowClient(api),
		tasks:     client.NewTaskClient(api),
		executor:  executor.NewWorkflowExecutor(api),
		runner:    worker.NewTaskRunnerWithApiClient(api),
	}
}

func (f *flow) definitions() {
	taskDef := func(name string, retries int32, response int64) model.TaskDef {
		// a delay of 0 is not sent by this SDK, and the default is a minute
		return model.TaskDef{Name: name, RetryCount: retries, RetryLogic: "FIXED", RetryDelaySeconds: 1, TimeoutSeconds: 120,
			ResponseTimeoutSeconds: response, OwnerEmail: "a@example.com"}
	}
	_, err := f.metadata.RegisterTaskDef(f.ctx, []model.TaskDef{
		taskDef(add, 0, 60), taskDef(flaky, 2, 60), taskDef(broken, 1, 60), taskDef(slow, 0, 6), taskDef(held, 0, 60)})
	must("registering task definitions", err)
	read, _, err := f.metadata.GetTaskDef(f.ctx, flaky)
	must("reading a task definition", err)
	same("task definition", []interface{}{read.Name, read.RetryCount, read.RetryLogic}, []interface{}{flaky, int32(2), "FIXED"})

	simple := func(kind, reference string, input object) *workflow.SimpleTask {
		return workflow.NewSimpleTask(kind, reference).InputMap(input)
	}
	define := func(name string, output object, tasks ...workflow.TaskInterface) {
		w := workflow.NewConductorWorkflow(f.executor).Name(name).Version(1).OwnerEmail("a@example.com").
			TimeoutPolicy(workflow.TimeOutWorkflow, 300).OutputParameters(output)
		for _, task := range tasks {
			w.Add(task)
		}
		must("registering "+name, w.Register(true))
	}
	define(child, object{"sum": "${child_add.output.sum}"},
		simple(add, "child_add", object{"a": "${workflow.input.a}", "b": "${workflow.input.b}"}))
	left := simple(add, "left", object{"a": "${workflow.input.a}", "b": "${workflow.input.b}"})
	right := simple(flaky, "right", object{})
	sub := workflow.NewSubWorkflowTask("sub", child, 1).InputMap(object{"a": "${left.output.sum}", "b": 100})
	define(branches, object{"child": "${sub.output.sum}", "other": "${other.output.sum}", "last": "${last.output.sum}"},
		workflow.NewForkTaskWithJoin("fork", workflow.NewJoinTask("fork_join", "left", "right"),
			[]workflow.TaskInterface{left}, []workflow.TaskInterface{right}),
		workflow.NewSwitchTask("route", "${workflow.input.route}").SwitchCase("sub", sub).
			DefaultCase(simple(add, "other", object{"a": "${left.output.sum}", "b": 1000})),
		simple(add, "last", object{"a": "${left.output.sum}", "b": "${right.output.attempt}"}))
	define(failing, object{}, simple(broken, "broken", object{}), simple(add, "after", object{"a": 1, "b": 1}))
	define(waiting, object{"sum": "${after.output.sum}"},
		simple(held, "held", object{}), simple(add, "after", object{"a": "${held.output.n}", "b": 1}))
	define(long, object{}, simple(slow, "slow", object{}))

	definition, _, err := f.metadata.Get(f.ctx, branches, &client.MetadataResourceApiGetOpts{Version: optional.NewInt32(1)})
	must("reading a workflow definition", err)
	types := []string{}
	for _, task := range definition.Tasks {
		types = append(types, task.Type_)
	}
	same("tasks of the definition", types, []string{"FORK_JOIN", "JOIN", "SWITCH", "SIMPLE"})
	same("case of the SWITCH", definition.Tasks[2].DecisionCases["sub"][0].SubWorkflowParam.Name, child)
	step("definitions: registered 5 task and 5 workflow definitions, read them back")
}

func number(value interface{}) int {
	switch n := value.(type) { // the SDK decodes numbers as it likes
	case float64:
		return int(n)
	case json.Number:
		whole, err := n.Int64()
		must("a number", err)
		return int(whole)
	}
	panic(fmt.Sprintf("expected a number, got %v", value))
}

func (f *flow) workers() {
	host := func(kind string, work model.ExecuteTaskFunction) {
		must("starting a worker", f.runner.StartWorker(kind, work, 4, 50*time.Millisecond))
	}
	host(add, func(task *model.Task) (interface{}, error) {
		a, b := number(task.InputData["a"]), number(task.InputData["b"])
		result := model.NewTaskResultFromTask(task)
		result.Status = model.CompletedTask
		result.OutputData = object{"sum": a + b}
		result.Logs = []model.TaskExecLog{{Log: fmt.Sprintf("adding %d and %d", a, b), TaskId: task.TaskId}}
		return result, nil
	})
	host(flaky, func(task *model.Task) (interface{}, error) {
		if task.RetryCount == 0 {
			return nil, errors.New("the first attempt fails")
		}
		return object{"attempt": task.RetryCount}, nil
	})
	host(broken, func(task *model.Task) (interface{}, error) {
		if task.RetryCount < 2 {
			return nil, errors.New("still broken")
		}
		return object{"attempt": task.RetryCount}, nil
	})
	host(slow, func(task *model.Task) (interface{}, error) {
		// this SDK has no lease extension: long work hands its task back and gets it again later
		result := model.NewTaskResultFromTask(task)
		result.OutputData = object{"polls": task.PollCount}
		result.Status = model.CompletedTask
		if task.PollCount < 3 {
			result.Status, result.CallbackAfterSeconds = model.InProgressTask, 1
		}
		return result, nil
	})
	f.longRun = f.start(long, object{})
	step("workers: one poller for each of 4 task types")
}

func (f *flow) start(name string, input object) string {
	run, _, err := f.workflows.StartWorkflowWithRequest(f.ctx, *model.NewStartWorkflowRequest(name, 1, id, input))
	must("starting "+name, err)
	same("length of a run id", len(run), 36)
	return run
}

func (f *flow) ended(run string, status model.WorkflowStatus) *model.Workflow {
	var found string
	until("the end of "+run, func() bool {
		state, err := f.executor.GetWorkflowStatus(run, false, false)
		must("reading the status", err)
		found = state.Status
		return found != "RUNNING" && found != "PAUSED"
	})
	same("status of "+run, found, string(status))
	return f.read(run)
}

func (f *flow) read(run string) *model.Workflow {
	whole, err := f.executor.GetWorkflow(run, true)
	must("reading "+run, err)
	return whole
}

// Values as plain JSON: the SDK decodes numbers into different types.
func plain(value interface{}) string {
	text, err := json.Marshal(value)
	must("writing JSON", err)
	return string(text)
}

func of(w *model.Workflow, reference string) (found []model.Task) {
	for _, task := range w.Tasks {
		if task.ReferenceTaskName == reference {
			found = append(found, task)
		}
	}
	return found
}

func attempts(w *model.Workflow) (list []string) {
	for _, task := range w.Tasks {
		list = append(list, fmt.Sprintf("%s %d %s", task.ReferenceTaskName, task.RetryCount, task.Status))
	}
	return list
}

func (f *flow) branches() {
	w := f.ended(f.start(branches, object{"a": 1, "b": 2, "route": "sub"}), model.CompletedWorkflow)
	same("output", plain(w.Output), `{"child":103,"last":4,"other":null}`)
	same("correlation id", w.CorrelationId, id)
	seen := map[string]bool{}
	for _, task := range w.Tasks {
		seen[task.ReferenceTaskName] = true
	}
	references := []string{}
	for reference := range seen {
		references = append(references, reference)
	}
	sort.Strings(references)
	same("references", references, []string{"fork", "fork_join", "last", "left", "right", "route", "sub"})
	right := of(w, "right")
	same("attempts of right", attempts(&model.Workflow{Tasks: right}), []string{"right 0 FAILED", "right 1 COMPLETED"})
	same("reason of the first attempt", right[0].ReasonForIncompletion, "the first attempt fails")
	same("retried task", right[1].RetriedTaskId, right[0].TaskId)
	same("types", []string{of(w, "fork")[0].TaskType, of(w, "fork_join")[0].TaskType, of(w, "route")[0].TaskType},
		[]string{"FORK", "JOIN", "SWITCH"})
	run := f.read(of(w, "sub")[0].SubWorkflowId)
	same("child", []string{run.WorkflowName, string(run.Status), plain(run.Output)}, []string{child, "COMPLETED", `{"sum":103}`})
	same("parent of the child", run.ParentWorkflowId, w.WorkflowId)
	left, _, err := f.tasks.GetTask(f.ctx, of(w, "left")[0].TaskId)
	must("reading a task", err)
	same("single task", []string{string(left.Status), plain(left.InputData), plain(left.OutputData)},
		[]string{"COMPLETED", `{"a":1,"b":2}`, `{"sum":3}`})
	logs, _, err := f.tasks.GetTaskLogs(f.ctx, left.TaskId)
	must("reading log lines", err)
	same("log lines", []interface{}{len(logs), logs[0].Log}, []interface{}{1, "adding 1 and 2"})
	_, err = f.tasks.Log(f.ctx, "seen by hand", left.TaskId)
	must("adding a log line", err)
	logs, _, err = f.tasks.GetTaskLogs(f.ctx, left.TaskId)
	must("reading log lines", err)
	same("log lines after one more", len(logs), 2)
	step("branches: both ways of the fork, one retry, the child's output, log lines")
}

func (f *flow) defaultCase() {
	w := f.ended(f.start(branches, object{"a": 5, "b": 5, "route": "nowhere"}), model.CompletedWorkflow)
	same("output", plain(w.Output), `{"child":null,"last":11,"other":1010}`)
	same("no child", len(of(w, "sub")), 0)
	step("default case: the other way through the SWITCH")
}

func (f *flow) failure() {
	f.failed = f.start(failing, object{})
	w := f.ended(f.failed, model.FailedWorkflow)
	if !strings.Contains(w.ReasonForIncompletion, "still broken") {
		panic("reason of the run: " + w.ReasonForIncompletion)
	}
	same("attempts", attempts(w), []string{"broken 0 FAILED", "broken 1 FAILED"})
	step("failure: two attempts, then FAILED with the worker's reason")
}

func (f *flow) search() {
	query := func(status string) []model.WorkflowSummary {
		found, err := f.executor.Search(0, 10, fmt.Sprintf("workflowType = '%s' AND status = '%s'", failing, status), "*")
		must("searching", err)
		return found
	}
	var found []model.WorkflowSummary
	until("the search to find the run", func() bool { found = query("FAILED"); return len(found) > 0 })
	same("found run", []string{found[0].WorkflowId, found[0].WorkflowType, string(found[0].Status), found[0].CorrelationId},
		[]string{f.failed, failing, "FAILED", id})
	same("runs of another status", len(query("RUNNING")), 0)
	step("search: found the failed run by type and status")
}

func (f *flow) retry() {
	must("retrying", f.executor.Retry(f.failed, false))
	w := f.ended(f.failed, model.CompletedWorkflow)
	same("attempts", attempts(w), []string{"broken 0 FAILED", "broken 1 FAILED", "broken 2 COMPLETED", "after 0 COMPLETED"})
	step("retry: the third attempt ended the failed run")
}

func (f *flow) pause() {
	run := f.start(waiting, object{})
	var polled []model.Task
	until("the held task", func() bool {
		var err error
		polled, _, err = f.tasks.BatchPoll(f.ctx, held, &client.TaskResourceApiBatchPollOpts{
			Workerid: optional.NewString("hand"), Count: optional.NewInt32(5), Timeout: optional.NewInt32(200)})
		must("polling", err)
		return len(polled) > 0
	})
	same("polled task", []string{polled[0].WorkflowInstanceId, string(polled[0].Status), polled[0].WorkerId},
		[]string{run, "IN_PROGRESS", "hand"})
	must("pausing", f.executor.Pause(run))
	same("status", f.read(run).Status, model.PausedWorkflow)
	must("updating", f.executor.UpdateTask(polled[0].TaskId, run, model.CompletedTask, object{"n": 41}))
	paused := f.read(run)
	same("paused run", append(attempts(paused), string(paused.Status)), []string{"held 0 COMPLETED", "PAUSED"})
	must("resuming", f.executor.Resume(run))
	same("output", plain(f.ended(run, model.CompletedWorkflow).Output), `{"sum":42}`)
	step("pause: took a result, stood still, went on when resumed")
}

func (f *flow) terminate() {
	run := f.start(waiting, object{})
	must("terminating", f.executor.Terminate(run, "no longer wanted"))
	w := f.ended(run, model.TerminatedWorkflow)
	same("reason", w.ReasonForIncompletion, "no longer wanted")
	same("tasks", attempts(w), []string{"held 0 CANCELED"})
	_, response, err := f.workflows.GetExecutionStatus(f.ctx, uuid.NewString(), nil)
	if err == nil {
		panic("a run that does not exist was found")
	}
	same("status for a run that does not exist", response.StatusCode, 404)
	step("terminate: ended with its reason, its task CANCELED")
}

func (f *flow) lease() {
	w := f.ended(f.longRun, model.CompletedWorkflow)
	same("attempts", attempts(w), []string{"slow 0 COMPLETED"})
	same("output", plain(w.Tasks[0].OutputData), `{"polls":3}`)
	step("lease: work that handed its task back was given it again after a second, twice")
}

func main() {
	log.SetOutput(io.Discard) // the SDK logs the errors of workers that fail on purpose
	f := open(os.Args[1])
	status := 0
	try := func(name string, run func()) {
		defer func() { // the steps after it are tried too, so that one run tells all
			if fault := recover(); fault != nil {
				status = 1
				step(fmt.Sprintf("FAILED %s: %v", name, fault))
			}
		}()
		run()
	}
	try("definitions", f.definitions)
	try("workers", f.workers)
	try("branches", f.branches)
	try("default case", f.defaultCase)
	try("failure", f.failure)
	try("search", f.search)
	try("retry", f.retry)
	try("pause", f.pause)
	try("terminate", f.terminate)
	try("lease", f.lease)
	os.Exit(status)
}
