/** What is laid out: nodes in containers, and the measures that both layouts share. */

export interface LayoutNode {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** The node that contains this one. */
  readonly parent?: string | undefined;
  /** Of a container: its children lie in rows of so many, in their order; edges between them are not looked at. */
  readonly columns?: number | undefined;
  /** Of a container: how much of its top its own title takes. */
  readonly title?: number | undefined;
}
export interface LayoutEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** How wide the text at it is; room is kept for it. */
  readonly labelWidth?: number | undefined;
}
export type Direction = "DOWN" | "RIGHT";
/** The upper left corner, relative to the container; containers also get the size that holds their children. */
export interface Position {
  readonly x: number;
  readonly y: number;
  readonly width?: number;
  readonly height?: number;
}
export type Positions = ReadonlyMap<string, Position>;

/** Room of a container around its children; the top holds its title, unless it says how high that is. */
export const PADDING = { top: 52, side: 20, bottom: 20 } as const;
/** Between neighbours, and between one layer and the next. */
export const GAP = { beside: 28, between: 44 } as const;

/** A graph that can be laid out: ids are unique, what is named is there, nesting has no circle. */
export interface Forest {
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
  readonly byId: ReadonlyMap<string, LayoutNode>;
  readonly parentOf: ReadonlyMap<string, string>;
  /** Children by container; those of none under the empty id. */
  readonly children: ReadonlyMap<string, readonly LayoutNode[]>;
}

export function sound(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[]): Forest {
  const byId = new Map<string, LayoutNode>();
  for (const node of nodes) if (!byId.has(node.id)) byId.set(node.id, node);
  const parentOf = new Map<string, string>();
  for (const node of byId.values()) {
    if (node.parent !== undefined && byId.has(node.parent) && !contains(node.id, node.parent, parentOf)) {
      parentOf.set(node.id, node.parent);
    }
  }
  const children = new Map<string, LayoutNode[]>();
  for (const node of byId.values()) {
    const parent = parentOf.get(node.id) ?? "";
    const siblings = children.get(parent);
    if (siblings) siblings.push(node);
    else children.set(parent, [node]);
  }
  return {
    nodes: [...byId.values()],
    edges: edges.filter((edge) => byId.has(edge.source) && byId.has(edge.target) && edge.source !== edge.target),
    byId,
    parentOf,
    children,
  };
}

function contains(outer: string, inner: string, parentOf: ReadonlyMap<string, string>): boolean {
  for (let at: string | undefined = inner; at !== undefined; at = parentOf.get(at)) if (at === outer) return true;
  return false;
}

/** The containers of a node from the outside in, the node itself last. */
export function lineage(id: string, parentOf: ReadonlyMap<string, string>): string[] {
  const line: string[] = [];
  for (let at: string | undefined = id; at !== undefined; at = parentOf.get(at)) line.unshift(at);
  return line;
}

export const topOf = (container: LayoutNode | undefined): number => container?.title ?? PADDING.top;

/** Sizes and places of the children of containers with columns: no engine is needed for rows. */
export function gridOf(node: LayoutNode, children: readonly LayoutNode[]): { width: number; height: number; at: Map<string, Position> } {
  const columns = Math.max(1, node.columns ?? 1);
  const width = Math.max(1, ...children.map((child) => child.width));
  const height = Math.max(1, ...children.map((child) => child.height));
  const at = new Map<string, Position>();
  children.forEach((child, i) => {
    at.set(child.id, {
      x: PADDING.side + (i % columns) * (width + GAP.beside / 2),
      y: topOf(node) + Math.floor(i / columns) * (height + GAP.beside / 2),
    });
  });
  const across = Math.min(columns, Math.max(1, children.length));
  const rows = Math.max(1, Math.ceil(children.length / columns));
  return {
    width: Math.max(node.width, 2 * PADDING.side + across * (width + GAP.beside / 2) - GAP.beside / 2),
    height: topOf(node) + PADDING.bottom + rows * (height + GAP.beside / 2) - GAP.beside / 2,
    at,
  };
}
