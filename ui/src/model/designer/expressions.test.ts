import { describe, expect, it } from "vitest";
import { emptyGraph, type Graph, type GraphNode } from "./document";
import { complete, earlier, offers, openExpression, rename } from "./expressions";

const node = (id: string, type = "SIMPLE", parentId?: string): GraphNode => ({
  id,
  type: "task",
  position: { x: 0, y: 0 },
  data: { task: { name: id, taskReferenceName: `${id}_ref`, type } },
  ...(parentId === undefined ? {} : { parentId }),
});
const graph: Graph = {
  ...emptyGraph(),
  definition: { inputParameters: ["order", 5, ""] },
  nodes: [node("a"), { id: "mail", type: "emailValidation", position: { x: 0, y: 0 }, data: {} }, node("loop", "DO_WHILE"), node("x", "SIMPLE", "loop"), node("y", "SIMPLE", "loop"), node("z")],
  edges: [
    { id: "1", source: "a", target: "mail" },
    { id: "2", source: "mail", target: "loop" },
    { id: "3", source: "x", target: "y" },
    { id: "4", source: "loop", target: "z" },
  ],
};

it("finds what has ended before, also around the loop, and the loop itself", () => {
  expect(earlier(graph, "y").map((each) => each.id)).toEqual(["a", "mail", "loop", "x"]);
  expect(earlier(graph, "a")).toEqual([]);
});

it("offers inputs, the run, and the outputs of earlier nodes by what they become", () => {
  const list = offers(graph, "y", { mail: ["email_validation", "wait_for_email"] }).map((offer) => offer.text);
  expect(list).toContain("workflow.input.order");
  expect(list).toContain("wait_for_email.output");
  expect(list).toContain("x_ref.output");
  expect(list).not.toContain("z_ref.output");
  expect(list.filter((text) => text.startsWith("workflow.input"))).toEqual(["workflow.input.order", "workflow.input"]);
});

describe("completion", () => {
  it.each([
    ["${wo", 4, { from: 2, typed: "wo" }],
    ["x ${a} ${", 9, { from: 9, typed: "" }],
    ["${a}", 4, undefined],
    ["$ {", 3, undefined],
    ["${a b", 5, undefined],
    ["", 0, undefined],
  ])("in %s at %i", (text, caret, expected) => {
    expect(openExpression(text, caret)).toEqual(expected);
  });

  it.each([
    ["${wo", 4, "${workflow.input}", 17],
    ["a ${wo} b", 6, "a ${workflow.input} b", 19],
    ["a ${wo b", 6, "a ${workflow.input} b", 19],
    ["${", 2, "${workflow.input}", 17],
  ])("puts the offer into %s", (text, caret, expected, at) => {
    expect(complete(text, caret, "workflow.input")).toEqual({ text: expected, caret: at });
  });
});

it("renames only what is meant", () => {
  const renamed = new Map([["a", "b"]]);
  const value = { taskReferenceName: "a", name: "a", joinOn: ["a", "c"], text: "a ${a.output.a} ${ab.output} ${a}", loopCondition: "$.a.n > $.ab" };
  expect(rename(value, renamed)).toEqual({ taskReferenceName: "b", name: "a", joinOn: ["b", "c"], text: "a ${b.output.a} ${ab.output} ${b}", loopCondition: "$.b.n > $.ab" });
});
