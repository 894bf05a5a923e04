/** A layout in layers without an engine, in linear time: for huge graphs, and where the engine fails. */
import { GAP, PADDING, gridOf, lineage, topOf, type Direction, type Forest, type LayoutNode, type Position } from "./forest";

interface Size {
  width: number;
  height: number;
}

export function quickPositions(forest: Forest, direction: Direction): Map<string, Position> {
  const found = new Map<string, Position>();
  const edges = innerEdges(forest);
  const size = (node: LayoutNode): Size => {
    const inside = forest.children.get(node.id);
    if (!inside) return node;
    if (node.columns !== undefined) {
      const grid = gridOf(node, inside);
      for (const [id, at] of grid.at) found.set(id, at);
      return grid;
    }
    const held = layers(node.id, inside);
    return {
      width: Math.max(node.width, held.width + 2 * PADDING.side),
      height: Math.max(node.height, held.height + topOf(node) + PADDING.bottom),
    };
  };

  /** Places the children of one container: one layer after the other, each centred. */
  const layers = (container: string, nodes: readonly LayoutNode[]): Size => {
    const sizes = new Map(nodes.map((node) => [node.id, size(node)] as const));
    const rank = ranks(nodes, edges.get(container) ?? []);
    const rows: LayoutNode[][] = [];
    for (const node of nodes) (rows[rank.get(node.id) ?? 0] ??= []).push(node);
    const down = direction === "DOWN";
    const along = (s: Size) => (down ? s.height : s.width);
    const across = (s: Size) => (down ? s.width : s.height);
    const of = (node: LayoutNode) => sizes.get(node.id) ?? node;
    const filled = rows.filter((row) => row !== undefined);
    const widths = filled.map((row) => row.reduce((sum, node) => sum + across(of(node)), (row.length - 1) * GAP.beside));
    const widest = widths.reduce((a, b) => Math.max(a, b), 0);
    const [left, top] = container === "" ? [0, 0] : [PADDING.side, topOf(forest.byId.get(container))];
    let depth = 0;
    filled.forEach((row, i) => {
      let beside = (widest - (widths[i] ?? 0)) / 2;
      let thick = 0;
      for (const node of row) {
        const own = of(node);
        const at = down ? { x: left + beside, y: top + depth } : { x: left + depth, y: top + beside };
        found.set(node.id, { ...at, ...(forest.children.has(node.id) ? { width: own.width, height: own.height } : {}) });
        beside += across(own) + GAP.beside;
        thick = Math.max(thick, along(own));
      }
      depth += thick + GAP.between;
    });
    const long = Math.max(0, depth - GAP.between);
    return down ? { width: widest, height: long } : { width: long, height: widest };
  };

  layers("", forest.children.get("") ?? []);
  return found;
}

/** Edges as the containers see them: between the two children of the innermost container that holds both ends. */
function innerEdges(forest: Forest): Map<string, [string, string][]> {
  const edges = new Map<string, [string, string][]>();
  for (const edge of forest.edges) {
    const from = lineage(edge.source, forest.parentOf);
    const to = lineage(edge.target, forest.parentOf);
    let depth = 0;
    while (depth < from.length - 1 && depth < to.length - 1 && from[depth] === to[depth]) depth += 1;
    const [a, b] = [from[depth], to[depth]];
    if (a === undefined || b === undefined || a === b) continue;
    const home = from[depth - 1] ?? "";
    const list = edges.get(home) ?? [];
    list.push([a, b]);
    edges.set(home, list);
  }
  return edges;
}

/** The longest way to each node; in a circle the nodes keep what they had when it closed. */
function ranks(nodes: readonly LayoutNode[], edges: readonly [string, string][]): Map<string, number> {
  const after = new Map<string, string[]>();
  const waiting = new Map(nodes.map((node) => [node.id, 0]));
  for (const [from, to] of edges) {
    const list = after.get(from);
    if (list) list.push(to);
    else after.set(from, [to]);
    waiting.set(to, (waiting.get(to) ?? 0) + 1);
  }
  const rank = new Map<string, number>();
  const ready = nodes.filter((node) => waiting.get(node.id) === 0).map((node) => node.id);
  for (let i = 0; i < ready.length; i += 1) {
    const id = ready[i] as string;
    const own = rank.get(id) ?? 0;
    rank.set(id, own);
    for (const next of after.get(id) ?? []) {
      rank.set(next, Math.max(rank.get(next) ?? 0, own + 1));
      const left = (waiting.get(next) ?? 1) - 1;
      waiting.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  return rank;
}
