import { describe, expect, it } from "vitest";
import { copy, fromText, paste, toText } from "./clipboard";
import { emptyGraph, readGraph, referenceOf, taskOf, type Graph, type GraphNode } from "./document";
import { readKinds } from "./kinds";
import { add, caseOf, connect, editEdge, editNode, loopAt, move, reaches, remove, reparent, sizeOf, whyNotConnect } from "./operations";
import { put } from "./palette";

const KINDS = readKinds({
  kinds: [
    { type: "emailValidation" },
    { type: "nameParse", fields: [{ name: "nameType", type: "choice", default: "M", options: ["M", "B"] }, { name: "inputUri", type: "uri" }] },
  ],
});
const task = (id: string, type: string, x = 0, y = 0, parentId?: string): GraphNode => ({
  id,
  type: "task",
  position: { x, y },
  data: { task: { name: id, taskReferenceName: id, type } },
  ...(parentId === undefined ? {} : { parentId }),
});
const graph = (nodes: GraphNode[], edges: [string, string][] = []): Graph => ({
  ...emptyGraph(),
  nodes,
  edges: edges.map(([source, target]) => ({ id: `${source}-to-${target}`, source, target })),
});

describe("edges", () => {
  const drawn = graph([task("a", "SIMPLE"), task("b", "SIMPLE"), task("c", "SWITCH"), task("loop", "DO_WHILE"), task("in", "SIMPLE", 0, 0, "loop")], [["a", "b"]]);

  it.each([
    ["a", "a", "A node does not lead to itself"],
    ["a", "b", "connected already"],
    ["b", "a", "a ring"],
    ["a", "in", "into a loop"],
    ["a", "nowhere", "no such node"],
  ])("refuses %s to %s: %s", (from, to, why) => {
    expect(whyNotConnect(drawn, from, to)).toContain(why);
    expect(connect(drawn, from, to).graph).toBe(drawn);
  });

  it("gives the edges out of a choice cases of their own", () => {
    const one = connect(drawn, "c", "a").graph;
    const two = connect(one, "c", "b").graph;
    expect(two.edges.slice(1).map(caseOf)).toEqual(["case_1", "case_2"]);
    const other = editEdge(two, "c-to-a", () => ({}));
    expect(other.edges.find((edge) => edge.id === "c-to-a")).toEqual({ id: "c-to-a", source: "c", target: "a" });
    expect(caseOf(other.edges[1] as never)).toBe("default");
  });

  it("lets two cases lead to the same node", () => {
    const twice = connect(connect(drawn, "c", "a").graph, "c", "a").graph;
    expect(new Set(twice.edges.map((edge) => edge.id)).size).toBe(3);
  });

  it("finds ways", () => {
    expect(reaches(drawn, "a", "b")).toBe(true);
    expect(reaches(drawn, "b", "a")).toBe(false);
  });
});

describe("nodes", () => {
  it("removes a loop with what lies in it, and the edges of both", () => {
    const drawn = graph([task("a", "SIMPLE"), task("l", "DO_WHILE"), task("m", "DO_WHILE", 0, 0, "l"), task("x", "SIMPLE", 0, 0, "m")], [["a", "l"]]);
    const left = remove(drawn, ["l"]);
    expect(left.nodes.map((node) => node.id)).toEqual(["a"]);
    expect(left.edges).toEqual([]);
    expect(remove(left, ["l"])).toBe(left);
  });

  it("keeps nodes that it does not touch", () => {
    const drawn = graph([task("a", "SIMPLE"), task("b", "SIMPLE")]);
    const next = editNode(drawn, "a", (data) => ({ ...data, extra: 1 }));
    expect(next.nodes[1]).toBe(drawn.nodes[1]);
    expect(editNode(drawn, "a", (data) => data)).toBe(drawn);
    expect(move(drawn, new Map([["a", { x: 0, y: 0 }]]))).toBe(drawn);
  });

  it("takes a node into a loop where it is seen, and out again", () => {
    const drawn = graph([task("l", "DO_WHILE", 100, 100), task("a", "SIMPLE", 150, 180), task("b", "SIMPLE", 900, 0)], [["a", "b"]]);
    expect(loopAt(drawn, { x: 160, y: 190 }, new Set(["a"]))?.id).toBe("l");
    expect(loopAt(drawn, { x: 160, y: 190 }, new Set(["l"]))).toBeUndefined();
    const inside = reparent(drawn, ["a"], "l");
    const moved = inside.nodes.find((node) => node.id === "a");
    expect(moved).toMatchObject({ parentId: "l", position: { x: 50, y: 80 } });
    expect(inside.edges).toEqual([]);
    expect(sizeOf(inside, inside.nodes[0] as GraphNode).width).toBeGreaterThanOrEqual(50 + 208);
    const out = reparent(inside, ["a"], undefined);
    expect(out.nodes.find((node) => node.id === "a")).toEqual(drawn.nodes[1]);
    // a loop does not go into itself
    expect(reparent(drawn, ["l"], "l")).toBe(drawn);
  });
});

describe("palette", () => {
  it("puts each further node behind the selected one, connected", () => {
    const one = put(emptyGraph(), "emailValidation", KINDS, {}, 1);
    expect(one.ids).toEqual(["emailValidation-1"]);
    const two = put(one.graph, "task:HTTP", KINDS, { behind: "emailValidation-1" }, 1);
    expect(two.graph.edges).toHaveLength(1);
    expect(taskOf(two.graph.nodes[1] as GraphNode)).toMatchObject({ name: "http", taskReferenceName: "http", type: "HTTP" });
  });

  it("puts the first node into an empty loop, and the next one beside it", () => {
    const loop = put(emptyGraph(), "task:DO_WHILE", KINDS, {}, 1);
    const first = put(loop.graph, "task:SIMPLE", KINDS, { behind: loop.ids[0] as string }, 2);
    expect(first.graph.nodes[1]?.parentId).toBe(loop.ids[0]);
    const second = put(first.graph, "task:SIMPLE", KINDS, { behind: first.ids[0] as string }, 3);
    expect(second.graph.nodes[2]?.parentId).toBe(loop.ids[0]);
    expect(referenceOf(second.graph.nodes[2] as GraphNode)).toBe("simple_2");
    expect(second.graph.edges).toHaveLength(1);
    const after = put(first.graph, "task:SIMPLE", KINDS, { behind: loop.ids[0] as string }, 3);
    expect(after.graph.nodes[2]?.parentId).toBeUndefined();
  });

  it("brings the join with a fork", () => {
    const made = put(emptyGraph(), "task:FORK_JOIN", KINDS, {}, 1);
    expect(made.graph.nodes.map(referenceOf)).toEqual(["fork_join", "join"]);
    const dynamic = put(emptyGraph(), "task:FORK_JOIN_DYNAMIC", KINDS, {}, 1);
    expect(dynamic.graph.edges).toHaveLength(1);
  });

  it("begins with the defaults of the form", () => {
    const made = put(emptyGraph(), "nameParse", KINDS, {}, 1);
    expect(made.graph.nodes[0]?.data).toMatchObject({ nameType: "M" });
  });
});

describe("copy and paste", () => {
  const drawn = graph([task("a", "SIMPLE"), task("l", "DO_WHILE", 300, 0), task("x", "SIMPLE", 20, 60, "l")], [["a", "l"]]);
  const uses = editNode(drawn, "x", () => ({
    task: { name: "x", taskReferenceName: "x", type: "SIMPLE", inputParameters: { in: "${a.output.n} and ${other.output.n}", deep: [{ v: "${a.input}" }] } },
  }));
  const looped = editNode(uses, "l", () => ({ task: { name: "l", taskReferenceName: "l", type: "DO_WHILE", loopCondition: "$.l['iteration'] < $.x.most && $['x'].more" } }));

  it("makes ids and references anew, and expressions follow", () => {
    const { graph: pasted, ids } = paste(looped, copy(looped, ["a", "l"]), 50);
    expect(ids).toHaveLength(2);
    expect(pasted.nodes.map(referenceOf)).toEqual(["a", "l", "x", "a_2", "l_2", "x_2"]);
    const [, loop, inner] = pasted.nodes.slice(3) as [GraphNode, GraphNode, GraphNode];
    expect(inner.parentId).toBe(loop.id);
    expect(taskOf(inner)?.["inputParameters"]).toEqual({ in: "${a_2.output.n} and ${other.output.n}", deep: [{ v: "${a_2.input}" }] });
    expect(taskOf(loop)?.["loopCondition"]).toBe("$.l_2['iteration'] < $.x_2.most && $['x_2'].more");
    expect(pasted.edges).toHaveLength(2);
    expect(new Set(pasted.nodes.map((node) => node.id)).size).toBe(6);
  });

  it("goes through text, and takes nothing else for nodes", () => {
    const text = toText(copy(looped, ["x"]));
    expect(fromText(text)?.nodes.map(referenceOf)).toEqual(["x"]);
    expect(fromText("{}")).toBeUndefined();
    expect(fromText("<b>x</b>")).toBeUndefined();
    // out of its loop it lies where it was seen
    expect(fromText(text)?.nodes[0]).toMatchObject({ position: { x: 320, y: 60 } });
  });

  it("keeps references that are free", () => {
    const { graph: pasted } = paste(emptyGraph(), copy(looped, ["a"]), 1);
    expect(pasted.nodes.map(referenceOf)).toEqual(["a"]);
  });
});

describe("a graph that is handed in", () => {
  it.each([
    [null, "JSON object"],
    [{ nodes: 1 }, "no list of nodes"],
    [{ nodes: [], edges: 1 }, "edges are no list"],
    [{ nodes: [{}] }, "no id"],
    [{ nodes: [{ id: "a" }, { id: "a" }] }, "there twice"],
    [{ nodes: [{ id: "a", parentId: "b" }] }, "does not exist"],
    [{ nodes: [{ id: "a", parentId: "b" }, { id: "b", parentId: "a" }] }, "lie in each other"],
    [{ nodes: [{ id: "a" }], edges: [{ source: "a", target: "b" }] }, "does not exist"],
  ])("is refused in words: %j", (value, why) => {
    expect(() => readGraph(value)).toThrow(why);
  });

  it("keeps what nobody here knows", () => {
    const value = { name: "n", more: { x: 1 }, nodes: [{ id: "a", type: "odd<script>", data: { y: 1 }, position: { x: "1" } }], edges: [] };
    const read = readGraph(value);
    expect(read["more"]).toEqual({ x: 1 });
    expect(read.nodes[0]).toEqual({ id: "a", type: "odd<script>", data: { y: 1 }, position: { x: 0, y: 0 } });
  });

  it("gives edges without ids some", () => {
    const read = readGraph({ nodes: [{ id: "a" }, { id: "b" }], edges: [{ source: "a", target: "b" }, { source: "a", target: "b" }] });
    expect(new Set(read.edges.map((edge) => edge.id)).size).toBe(2);
  });
});

it("adds many at once without a clash", () => {
  const made = add(emptyGraph(), [task("s", "SIMPLE"), task("s", "SIMPLE")], [{ from: 0, to: 1 }], 7);
  expect(made.ids).toEqual(["task-7", "task-8"]);
  expect(made.graph.nodes.map(referenceOf)).toEqual(["s", "s_2"]);
});
