import ElkBundled from "elkjs/lib/elk.bundled.js";
import { afterEach, describe, expect, it, vi } from "vitest";
import { engine, giveUp } from "./elk";
import { layoutDrawn, layoutPositions, type LayoutEdge, type LayoutNode, type Position } from "./layout";

// the same engine without a worker, which this environment has not
vi.mock("./elk", () => ({ engine: vi.fn(), giveUp: vi.fn() }));
const elk = new ElkBundled();
const working = () => vi.mocked(engine).mockImplementation(() => Promise.resolve(elk));
const broken = () => vi.mocked(engine).mockImplementation(() => Promise.reject(new Error("no worker")));

afterEach(() => vi.clearAllMocks());

let unique = 0;
const node = (id: string, parent?: string, columns?: number): LayoutNode => ({ id, width: 200, height: 60, parent, columns });
const edge = (source: string, target: string): LayoutEdge => ({ id: `${source}-${target}`, source, target });
/** Ids that no other test has asked about. */
const fresh = (nodes: LayoutNode[]): LayoutNode[] => nodes.map((n) => ({ ...n, width: n.width + (unique += 1) / 1000 }));

function overlap(a: LayoutNode, b: LayoutNode, at: ReadonlyMap<string, Position>): boolean {
  const [p, q] = [at.get(a.id), at.get(b.id)];
  if (!p || !q) throw new Error("no position");
  const [aw, ah, bw, bh] = [p.width ?? a.width, p.height ?? a.height, q.width ?? b.width, q.height ?? b.height];
  return p.x < q.x + bw && q.x < p.x + aw && p.y < q.y + bh && q.y < p.y + ah;
}

describe.each([
  ["the engine", working],
  ["the quick layout", broken],
])("%s", (_, start) => {
  it("places a fork and its branches in order, without overlap", async () => {
    start();
    const nodes = fresh([node("fork"), node("a"), node("b"), node("c"), node("join")]);
    const edges = ["a", "b", "c"].flatMap((id) => [edge("fork", id), edge(id, "join")]);
    const at = await layoutPositions(nodes, edges, "DOWN");
    expect([...at.keys()].toSorted()).toEqual(["a", "b", "c", "fork", "join"]);
    const y = (id: string) => at.get(id)?.y ?? NaN;
    expect(y("fork")).toBeLessThan(y("a"));
    expect(y("a")).toBeLessThan(y("join"));
    expect(at.get("a")?.x).toBeLessThan(at.get("b")?.x ?? NaN);
    expect(at.get("b")?.x).toBeLessThan(at.get("c")?.x ?? NaN);
    for (const a of nodes) for (const b of nodes) if (a.id < b.id) expect(overlap(a, b, at)).toBe(false);
  });

  it("goes to the right when asked", async () => {
    start();
    const at = await layoutPositions(fresh([node("a"), node("b")]), [edge("a", "b")], "RIGHT");
    expect(at.get("a")?.x).toBeLessThan(at.get("b")?.x ?? NaN);
  });

  it("gives containers the size of what they hold, with places relative to them", async () => {
    start();
    const nodes = fresh([node("loop"), node("a", "loop"), node("b", "loop"), node("after")]);
    const at = await layoutPositions(nodes, [edge("a", "b"), edge("loop", "after")], "DOWN");
    const loop = at.get("loop");
    expect(loop?.height).toBeGreaterThan(120);
    expect(at.get("a")?.y).toBeGreaterThan(40);
    expect((at.get("b")?.y ?? NaN) + 60).toBeLessThan(loop?.height ?? NaN);
    expect(at.get("after")?.y).toBeGreaterThanOrEqual((loop?.y ?? 0) + (loop?.height ?? 0));
  });

  it("takes edges through the wall of a container", async () => {
    start();
    const nodes = fresh([node("before"), node("loop"), node("a", "loop"), node("b", "loop"), node("after")]);
    const at = await layoutPositions(nodes, [edge("before", "a"), edge("a", "b"), edge("b", "after")], "DOWN");
    expect(at.get("before")?.y).toBeLessThan(at.get("loop")?.y ?? NaN);
    expect(at.get("loop")?.y).toBeLessThan(at.get("after")?.y ?? NaN);
  });

  it("lays a grid out in rows", async () => {
    start();
    const inside = Array.from({ length: 7 }, (_, i) => node(`g${i}`, "grid"));
    const at = await layoutPositions(fresh([node("grid", undefined, 3), ...inside, node("end")]), [edge("grid", "end")], "DOWN");
    expect(at.get("g0")?.y).toBe(at.get("g2")?.y);
    expect(at.get("g3")?.x).toBe(at.get("g0")?.x);
    expect(at.get("grid")?.height).toBeGreaterThan(3 * 60);
  });

  it("bears circles, strange edges and containers that contain each other", async () => {
    start();
    const nodes = fresh([node("a"), node("b"), node("a"), node("x", "y"), node("y", "x"), node("orphan", "nowhere")]);
    const at = await layoutPositions(nodes, [edge("a", "b"), edge("b", "a"), edge("a", "a"), edge("a", "gone")], "DOWN");
    expect([...at.keys()].toSorted()).toEqual(["a", "b", "orphan", "x", "y"]);
  });
});

it("answers the same question once", async () => {
  working();
  const nodes = fresh([node("a"), node("b"), node("c")]);
  const edges = [edge("a", "b"), edge("a", "c")];
  const first = await layoutDrawn(nodes, edges, "DOWN");
  expect(await layoutDrawn([...nodes], edges, "DOWN")).toBe(first);
  expect(first.routes.get("a-b")?.corners.length).toBeGreaterThanOrEqual(2);
  expect(engine).toHaveBeenCalledTimes(1);
});

it("does not start the engine for a chain", async () => {
  working();
  const nodes = fresh([node("a"), node("loop"), node("x", "loop"), node("y", "loop"), node("b")]);
  const at = await layoutPositions(nodes, [edge("a", "loop"), edge("x", "y"), edge("loop", "b")], "DOWN");
  expect(engine).not.toHaveBeenCalled();
  expect((at.get("x")?.y ?? NaN) + 60).toBeLessThan(at.get("y")?.y ?? NaN);
});

it("keeps room for the text at an edge", async () => {
  working();
  const nodes = fresh([node("switch"), node("a"), node("b")]);
  const edges = ["a", "b"].map((id) => ({ ...edge("switch", id), labelWidth: 90 }));
  const { positions, routes } = await layoutDrawn(nodes, edges, "RIGHT");
  const label = routes.get("switch-a")?.label;
  expect(label?.x).toBeGreaterThan((positions.get("switch")?.x ?? NaN) + 200 + 45);
  expect(label?.x).toBeLessThan((positions.get("a")?.x ?? NaN) - 45);
});

it("gives a failing engine up", async () => {
  broken();
  await layoutPositions(fresh([node("a"), node("b")]), [], "DOWN");
  expect(giveUp).toHaveBeenCalled();
});

it("lays ten thousand nodes out without the engine, quickly", async () => {
  working();
  const nodes = Array.from({ length: 10_000 }, (_, i) => node(`n${i}`));
  const edges = nodes.slice(1).map((n, i) => edge(nodes[i]?.id ?? "", n.id));
  const before = performance.now();
  const at = await layoutPositions(nodes, edges, "DOWN");
  expect(at.size).toBe(10_000);
  expect(engine).not.toHaveBeenCalled();
  expect(performance.now() - before).toBeLessThan(3_000);
});
