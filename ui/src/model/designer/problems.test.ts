import { expect, it } from "vitest";
import { emptyGraph, type Graph, type GraphNode } from "./document";
import { furtherMembers, getAt, isAsked, readField, setAt, withFurtherMembers, type Field } from "./fields";
import { BARE_KINDS, readKinds } from "./kinds";
import { converterProblems, engineProblems, localProblems, ring } from "./problems";
import { COMMON, freshTask, TASK_TYPES, taskType } from "./taskTypes";

const node = (id: string, reference = id, type = "task"): GraphNode => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { task: { name: id, taskReferenceName: reference, type: "SIMPLE" } },
});
const graph = (nodes: GraphNode[], edges: [string, string][] = []): Graph => ({
  ...emptyGraph(),
  nodes,
  edges: edges.map(([source, target]) => ({ id: `${source}${target}`, source, target })),
});

it("finds rings, and not what only leads to them or from them", () => {
  const drawn = graph([node("in"), node("a"), node("b"), node("out")], [["in", "a"], ["a", "b"], ["b", "a"], ["b", "out"]]);
  expect(ring(drawn)).toEqual(["a", "b"]);
  expect(localProblems(drawn, BARE_KINDS).map((problem) => problem.node)).toEqual(["a", "b"]);
});

it("names kinds that nobody knows, and references that are missing or there twice", () => {
  const found = localProblems(graph([node("a", ""), node("b", "r"), node("c", "r"), node("d", "d", "<img onerror=x>")]), BARE_KINDS);
  expect(found.map(({ node: id, field }) => [id, field])).toEqual([
    ["a", "taskReferenceName"],
    ["c", "taskReferenceName"],
    ["d", undefined],
  ]);
});

it("puts the converter's words to their nodes", () => {
  const drawn = graph([node("a")]);
  expect(converterProblems(drawn, [{ message: "m", node: "a", path: "data.task.expression" }, { message: "g", node: "gone" }, { message: "n", node: "a", code: "no_reference" }])).toEqual([
    { message: "m", from: "converter", node: "a", field: "expression" },
    { message: "g", from: "converter" },
    { message: "n", from: "converter", node: "a", field: "taskReferenceName" },
  ]);
});

it("puts the engine's words to the nodes that made the tasks", () => {
  const definition = {
    tasks: [
      { taskReferenceName: "s", decisionCases: { x: [{ taskReferenceName: "in" }] } },
      { taskReferenceName: "l", loopOver: [{ taskReferenceName: "body", name: "" }] },
    ],
  };
  const nodes = { S: ["s"], IN: ["in"], L: ["l"], B: ["body"] };
  const at = (path: string, message = "m") => {
    const [{ node: id, field } = { node: undefined, field: undefined }] = engineProblems(definition, nodes, [{ path, message }]);
    return [id, field];
  };
  expect(at("validateWorkflowDef.arg0.tasks[0]")).toEqual(["S", undefined]);
  expect(at("validateWorkflowDef.arg0.tasks[0]", "evaluatorType field is required for taskType: SWITCH taskName: s")).toEqual(["S", "evaluatorType"]);
  expect(at("validateWorkflowDef.arg0.tasks[0].evaluatorType")).toEqual(["S", "evaluatorType"]);
  expect(at("validateWorkflowDef.arg0.tasks[0].decisionCases[x][0].name")).toEqual(["IN", "name"]);
  expect(at("validateWorkflowDef.arg0.tasks[1].loopOver[0].name")).toEqual(["B", "name"]);
  expect(at("validateWorkflowDef.arg0", "taskReferenceName: in should be unique across tasks for a given workflowDefinition: w")).toEqual(["IN", undefined]);
  expect(at("validateWorkflowDef.arg0", "taskReferenceName: nope for given task: body input value: a of input parameter: x is not defined")).toEqual(["B", undefined]);
  expect(at("validateWorkflowDef.arg0", "something else")).toEqual([undefined, undefined]);
});

it("reads and writes members at places, and leaves no empty shells", () => {
  const one = setAt({}, "inputParameters.http_request.uri", "u");
  expect(getAt(one, "inputParameters.http_request.uri")).toBe("u");
  expect(setAt(one, "inputParameters.http_request.uri", undefined)).toEqual({ inputParameters: {} });
  expect(setAt({ a: { b: 1, c: 2 } }, "a.b", undefined)).toEqual({ a: { c: 2 } });
  expect(getAt({ a: "x" }, "a.b")).toBeUndefined();
});

it("shows as further members what no field shows, and puts others in their place", () => {
  const fields = [...COMMON, ...taskType("HTTP").fields];
  const task = { name: "n", taskReferenceName: "r", type: "HTTP", cacheConfig: { key: "k" }, inputParameters: { http_request: { uri: "u", odd: 1 } } };
  const further = furtherMembers(task, fields, ["type"]);
  expect(further).toEqual({ cacheConfig: { key: "k" }, inputParameters: { http_request: { odd: 1 } } });
  const next = withFurtherMembers(task, fields, ["type"], { inputParameters: { http_request: { odd: 2 } } });
  expect(next).toEqual({ name: "n", taskReferenceName: "r", type: "HTTP", inputParameters: { http_request: { odd: 2, uri: "u" } } });
});

it("describes every type once, with what a new task needs", () => {
  const types = TASK_TYPES.map((type) => type.type);
  expect(new Set(types).size).toBe(types.length);
  expect(types).toHaveLength(23);
  for (const type of types) expect(freshTask(type)).toMatchObject({ type, name: type.toLowerCase() });
  expect(taskType("MY_OWN")).toMatchObject({ type: "MY_OWN", label: "MY_OWN" });
});

it("reads kinds as a service tells them, whatever it calls the types of fields", () => {
  const kinds = readKinds({
    groups: [{ group: "g", label: "G" }],
    kinds: [
      { type: "x", label: "X", group: "g", dps: true, fields: [{ name: "a", type: "boolean", default: false }, { name: "b", type: "odd", options: ["1", { value: "2", label: "two" }] }, { nope: 1 }, { name: "xml", type: "xml", derived: true }, { name: "c", type: "uri", when: { field: "a", is: true }, placeholder: "p" }] },
      { type: "task" },
      null,
    ],
  });
  expect(kinds).toEqual([
    {
      type: "x",
      label: "X",
      group: "G",
      fields: [
        { name: "a", label: "a", type: "switch", default: false },
        { name: "b", label: "b", type: "select", options: [{ value: "1", label: "1" }, { value: "2", label: "two" }] },
        { name: "c", label: "c", type: "uri", placeholder: "p", when: { field: "a", is: true } },
      ],
      dps: true,
    },
  ]);
  const fields = kinds[0]?.fields ?? [];
  expect(isAsked(fields[2] as Field, {}, fields)).toBe(false);
  expect(isAsked(fields[2] as Field, { a: true }, fields)).toBe(true);
  expect(readKinds("no")).toEqual([]);
  expect(readField(7)).toBeUndefined();
});
