/** The task types of Conductor (docs/tasks): for each the members that its form asks. Other members of a task stay, and are edited as JSON. */
import type { Members } from "./document";
import type { Field, FieldType, Option } from "./fields";

export interface TaskType {
  type: string;
  label: string;
  group: "Work" | "Flow" | "Data" | "Outside";
  help: string;
  fields: readonly Field[];
  /** What a new task of the type holds besides its name, reference and type. */
  fresh?: Members;
}

type More = Omit<Field, "name" | "label" | "type">;
const field = (name: string, label: string, type: FieldType = "text", more: More = {}): Field => ({ name, label, type, ...more });
const input = (name: string, label: string, type: FieldType = "expression", more: More = {}): Field =>
  field(`inputParameters.${name}`, label, type, more);
const need = { required: true } as const;
const choices = (...values: string[]): readonly Option[] => values.map((value) => ({ value, label: value }));

const parameters = field("inputParameters", "Input", "parameters");
const script = "JavaScript; $ is the input";
const evaluators = { options: [...choices("javascript", "graaljs"), { value: "value-param", label: "value-param: a member of the input" }] };
const joinOn = field("joinOn", "Waits for", "names", { help: "References; empty: the last task of each branch" });
const onlyReport = { help: "The answer only says that it was sent; a report ends the task" };
const asyncComplete = field("asyncComplete", "Stay open until it is reported", "switch", onlyReport);

/** Every type of docs/tasks/README.md but YIELD, which is a worker's. */
export const TASK_TYPES: readonly TaskType[] = [
  { type: "SIMPLE", label: "Worker's task", group: "Work", help: "Work that a worker polls", fields: [parameters] },
  {
    type: "HTTP",
    label: "HTTP",
    group: "Work",
    help: "A call of a web service",
    fields: [
      input("http_request.uri", "Address", "expression", need),
      input("http_request.method", "Method", "select", {
        ...need,
        options: choices("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"),
      }),
      input("http_request.headers", "Headers", "parameters"),
      input("http_request.body", "Body", "json"),
      input("http_request.accept", "Accepts", "text", { default: "application/json" }),
      input("http_request.contentType", "Content type", "text", { default: "application/json" }),
      input("http_request.connectionTimeOut", "Time to connect (ms)", "number", { default: 3000 }),
      input("http_request.readTimeOut", "Time without an answer (ms)", "number", { default: 3000 }),
      asyncComplete,
    ],
    fresh: { inputParameters: { http_request: { uri: "", method: "GET" } } },
  },
  {
    type: "SUB_WORKFLOW",
    label: "Sub-workflow",
    group: "Work",
    help: "Runs another workflow and waits for it",
    fields: [
      field("subWorkflowParam.name", "Workflow", "expression", need),
      field("subWorkflowParam.version", "Version", "number", { help: "Empty: the latest when the parent starts" }),
      field("subWorkflowParam.workflowDefinition", "Definition", "json", { help: "A whole definition, or one ${…}, instead of a name" }),
      field("subWorkflowParam.priority", "Priority", "number"),
      field("subWorkflowParam.taskToDomain", "Domains", "parameters"),
      parameters,
    ],
    fresh: { subWorkflowParam: { name: "" } },
  },
  {
    type: "START_WORKFLOW",
    label: "Start a workflow",
    group: "Work",
    help: "Starts another workflow and goes on",
    fields: [
      input("startWorkflow.name", "Workflow", "expression", need),
      input("startWorkflow.version", "Version", "number", { help: "Empty: the latest" }),
      input("startWorkflow.input", "Its input", "parameters"),
      input("startWorkflow.correlationId", "Correlation id"),
      input("startWorkflow.priority", "Priority", "number"),
      input("startWorkflow.taskToDomain", "Domains", "parameters"),
    ],
    fresh: { inputParameters: { startWorkflow: { name: "" } } },
  },
  {
    type: "DYNAMIC",
    label: "Dynamic task",
    group: "Work",
    help: "A task whose name or type is known only when the flow reaches it",
    fields: [field("dynamicTaskNameParam", "Member of the input with the name", "text", need), parameters],
    fresh: { dynamicTaskNameParam: "taskToRun", inputParameters: { taskToRun: "" } },
  },
  {
    type: "USER_DEFINED",
    label: "User-defined",
    group: "Work",
    help: "A worker's task that is polled by its type",
    fields: [parameters],
  },
  {
    type: "SWITCH",
    label: "Switch",
    group: "Flow",
    help: "One of several ways; the edges out of it carry the cases",
    fields: [
      field("evaluatorType", "Evaluated as", "select", { ...need, ...evaluators }),
      field("expression", "Expression", "script", { ...need, help: `The member of the input with the case, or a script (${script})` }),
      parameters,
    ],
    fresh: { evaluatorType: "value-param", expression: "case", inputParameters: { case: "" } },
  },
  {
    type: "DECISION",
    label: "Decision (older)",
    group: "Flow",
    help: "The older form of SWITCH",
    fields: [
      field("caseValueParam", "Member of the input with the case"),
      field("caseExpression", "Or a script", "script", { help: script }),
      parameters,
    ],
    fresh: { caseValueParam: "case", inputParameters: { case: "" } },
  },
  {
    type: "FORK_JOIN",
    label: "Fork",
    group: "Flow",
    help: "Branches side by side: each edge out of it is one, and all end in its join",
    fields: [parameters],
  },
  {
    type: "FORK_JOIN_DYNAMIC",
    label: "Dynamic fork",
    group: "Flow",
    help: "Branches side by side that a value lists; its join follows",
    fields: [
      input("forkTaskName", "Task of each branch", "text", { help: "With the list of inputs below" }),
      input("forkTaskType", "Its type", "text", { default: "SIMPLE" }),
      input("forkTaskInputs", "List of inputs"),
      input("forkTaskWorkflow", "Or a sub-workflow"),
      field("dynamicForkTasksParam", "Member of the input with a list of tasks"),
      field("dynamicForkTasksInputParamName", "Member with their inputs"),
      field("dynamicForkJoinTasksParam", "Member with both (older)"),
      parameters,
    ],
    fresh: { inputParameters: { forkTaskName: "", forkTaskInputs: "" } },
  },
  { type: "JOIN", label: "Join", group: "Flow", help: "Waits for the branches of a fork", fields: [joinOn] },
  {
    type: "EXCLUSIVE_JOIN",
    label: "Exclusive join",
    group: "Flow",
    help: "The output of the one branch that ran",
    fields: [joinOn, field("defaultExclusiveJoinTask", "Else of", "names")],
  },
  {
    type: "DO_WHILE",
    label: "Loop",
    group: "Flow",
    help: "Repeats the tasks that lie in it",
    fields: [
      field("loopCondition", "Goes on while", "script", {
        ...need,
        help: "JavaScript, asked after each pass; $.<reference> is the latest output of a task",
      }),
      field("items", "Or for each item of", "expression", { help: "A list; one pass for each" }),
      input("keepLastN", "Keep the last passes", "number", { help: "Empty: all of them" }),
      parameters,
    ],
  },
  {
    type: "TERMINATE",
    label: "Terminate",
    group: "Flow",
    help: "Ends the workflow here",
    fields: [
      input("terminationStatus", "As", "select", { ...need, options: choices("COMPLETED", "FAILED", "TERMINATED") }),
      input("terminationReason", "Reason"),
      input("workflowOutput", "Output of the workflow", "json"),
    ],
    fresh: { inputParameters: { terminationStatus: "COMPLETED" } },
  },
  {
    type: "WAIT",
    label: "Wait",
    group: "Flow",
    help: "A time, or a report from outside",
    fields: [
      input("duration", "For", "expression", { help: "For instance 1 days 2 hours, 90 secs" }),
      input("until", "Or until", "expression", { help: "For instance 2040-01-02 03:04 CET" }),
    ],
    fresh: { inputParameters: { duration: "10 seconds" } },
  },
  { type: "HUMAN", label: "Human", group: "Flow", help: "Waits for a report from outside", fields: [parameters] },
  { type: "NOOP", label: "Nothing", group: "Flow", help: "A place to name", fields: [] },
  {
    type: "SET_VARIABLE",
    label: "Set variables",
    group: "Data",
    help: "Variables of the workflow",
    fields: [field("inputParameters", "Variables", "parameters")],
  },
  {
    type: "INLINE",
    label: "Script",
    group: "Data",
    help: "A small script",
    fields: [
      input("evaluatorType", "Evaluated as", "select", { default: "javascript", ...evaluators }),
      input("expression", "Script", "script", { ...need, help: script }),
      parameters,
    ],
    fresh: { inputParameters: { evaluatorType: "javascript", expression: "(function () { return $.value; })();", value: "" } },
  },
  {
    type: "LAMBDA",
    label: "Lambda (older)",
    group: "Data",
    help: "The older form of INLINE",
    fields: [input("scriptExpression", "Script", "script", { ...need, help: `The body of a function. ${script}` }), parameters],
    fresh: { inputParameters: { scriptExpression: "return $.value;", value: "" } },
  },
  {
    type: "JSON_JQ_TRANSFORM",
    label: "jq filter",
    group: "Data",
    help: "A jq filter over the input",
    fields: [input("queryExpression", "Filter", "script", { ...need, help: ". is the whole input" }), parameters],
    fresh: { inputParameters: { queryExpression: "." } },
  },
  {
    type: "EVENT",
    label: "Event",
    group: "Outside",
    help: "Tells the outside, and waits for its answer",
    fields: [field("sink", "Sink", "expression", { ...need, help: "conductor, conductor:name or kafka:topic" }), asyncComplete, parameters],
    fresh: { sink: "conductor" },
  },
  {
    type: "KAFKA_PUBLISH",
    label: "Kafka record",
    group: "Outside",
    help: "One record to a topic",
    fields: [
      input("kafka_request.topic", "Topic", "expression", need),
      input("kafka_request.bootStrapServers", "Brokers", "expression", need),
      input("kafka_request.key", "Key"),
      input("kafka_request.value", "Value", "json", need),
      input("kafka_request.headers", "Headers", "parameters"),
      input("kafka_request.keySerializer", "Key serializer", "select", {
        options: ["String", "Long", "Integer"].map((name) => ({
          value: `org.apache.kafka.common.serialization.${name}Serializer`,
          label: name,
        })),
      }),
      input("kafka_request.maxBlockMs", "Time to wait for the broker (ms)", "number"),
      asyncComplete,
    ],
    fresh: { inputParameters: { kafka_request: { topic: "", bootStrapServers: "kafka:9092", value: {} } } },
  },
];

/** What every task has. */
export const COMMON: readonly Field[] = [
  field("name", "Name", "text", { ...need, help: "Also of its task definition" }),
  field("taskReferenceName", "Reference", "text", { ...need, help: "Unique; what expressions and joins name" }),
];

export const COMMON_FURTHER: readonly Field[] = [
  field("description", "Description", "long"),
  field("optional", "A failure does not stop the flow", "switch"),
  field("permissive", "The flow goes on after a failure, and fails at the end", "switch"),
  field("retryCount", "Retries", "number", { help: "Empty: the task definition's" }),
  field("startDelay", "Delay of the first attempt (s)", "number"),
];

const BY_TYPE = new Map(TASK_TYPES.map((type) => [type.type, type]));

/** The description of a type; one that nobody knows is polled by a worker, and its members are shown as they are. */
export function taskType(type: string): TaskType {
  return (
    BY_TYPE.get(type) ?? {
      type,
      label: type,
      group: "Work",
      help: "No type of the engine: a worker polls it by this name",
      fields: [parameters],
    }
  );
}

export const isKnownType = (type: string): boolean => BY_TYPE.has(type);

/** A new task of a type. */
export function freshTask(type: string): Members {
  const name = type.toLowerCase();
  return { name, taskReferenceName: name, type, ...structuredClone(BY_TYPE.get(type)?.fresh ?? { inputParameters: {} }) };
}
