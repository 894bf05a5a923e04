/** The document as React Flow shows it. Nodes and edges that look as before are the same objects, so only what changed is drawn again. */
import { MarkerType, type Edge, type Node } from "@xyflow/react";
import {
  choosesCase,
  isFork,
  isLoop,
  nameOf,
  nodeById,
  taskTypeOf,
  type Graph,
  type GraphNode,
  type Point,
} from "../../model/designer/document";
import type { Kind } from "../../model/designer/kinds";
import { caseOf, sizeOf, type Size } from "../../model/designer/operations";
import type { NodeMap } from "../../model/designer/problems";
import { isKnownType, taskType } from "../../model/designer/taskTypes";
import type { Status } from "../../model/status";

/** What is known of a node besides the document. */
export interface Mark {
  problems: number;
  /** Of the watched run. */
  status?: Status | undefined;
  retry?: boolean;
  statistics?: boolean;
}

export interface Face extends Record<string, unknown> {
  kind: string;
  name: string;
  type: string;
  known: boolean;
  loop: boolean;
  size: Size;
  mark: Mark;
}

export type ShownNode = Node<Face>;

export function kindLabel(node: GraphNode, kinds: readonly Kind[]): string {
  const type = taskTypeOf(node);
  if (type !== undefined) return isKnownType(type) ? taskType(type).label : type;
  return kinds.find((kind) => kind.type === node.type)?.label ?? (node.type || "No kind");
}

const NO_MARK: Mark = { problems: 0 };

/** Keeps what it showed, by id. */
export function shower() {
  const nodes = new Map<string, { key: string; node: GraphNode; shown: ShownNode }>();
  const edges = new Map<string, { key: string; shown: Edge }>();

  function showNodes(
    graph: Graph,
    kinds: readonly Kind[],
    selected: ReadonlySet<string>,
    marks: ReadonlyMap<string, Mark>,
    moving: ReadonlyMap<string, Point>,
    measured: ReadonlyMap<string, Size>,
    made: NodeMap,
  ): ShownNode[] {
    return inOrder(graph).map((node) => {
      const mark = marks.get(node.id) ?? NO_MARK;
      const size = sizeOf(graph, node);
      const position = moving.get(node.id) ?? node.position;
      const known = kinds.some((kind) => kind.type === node.type) || taskTypeOf(node) !== undefined;
      const isSelected = selected.has(node.id);
      const drawn = measured.get(node.id);
      const name = nameOf(node, made);
      const key = JSON.stringify([mark, size, position, known, isSelected, drawn, node.parentId, kinds.length, name]);
      const before = nodes.get(node.id);
      if (before?.key === key && before.node === node) return before.shown;
      const kind = kindLabel(node, kinds);
      const state = mark.status?.label;
      const wrong = mark.problems === 0 ? "" : `, ${mark.problems} ${mark.problems === 1 ? "problem" : "problems"}`;
      const shown: ShownNode = {
        id: node.id,
        type: isLoop(node) ? "loop" : "step",
        position,
        selected: isSelected,
        ariaLabel: `${kind} ${name}${state ? `, ${state}` : ""}${wrong}`,
        data: { kind, name, type: taskTypeOf(node) ?? node.type, known, loop: isLoop(node), size, mark },
        width: size.width,
        height: size.height,
        ...(drawn ? { measured: drawn } : {}),
        ...(node.parentId === undefined ? {} : { parentId: node.parentId }),
        // what lies in a loop is drawn above it
        zIndex: isLoop(node) ? 0 : 1,
      };
      nodes.set(node.id, { key, node, shown });
      return shown;
    });
  }

  function showEdges(graph: Graph, selected: ReadonlySet<string>): Edge[] {
    return graph.edges.map((edge) => {
      const source = nodeById(graph, edge.source);
      const label = source && choosesCase(source) ? caseOf(edge) : source && isFork(source) ? branchOf(edge.data) : "";
      const key = JSON.stringify([edge, label, selected.has(edge.id)]);
      const before = edges.get(edge.id);
      if (before?.key === key) return before.shown;
      const target = nodeById(graph, edge.target);
      const shown: Edge = {
        id: edge.id,
        source: edge.source,
        target: edge.target,
        selected: selected.has(edge.id),
        ...(label === "" ? {} : { label }),
        ariaLabel: `Edge from ${source ? nameOf(source) : edge.source} to ${target ? nameOf(target) : edge.target}${label && `, ${label}`}`,
        markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16 },
        zIndex: 1,
      };
      edges.set(edge.id, { key, shown });
      return shown;
    });
  }

  return { showNodes, showEdges };
}

const branchOf = (data: GraphNode["data"] | undefined): string =>
  typeof data?.["branch"] === "number" ? `branch ${data["branch"] + 1}` : "";

/** React Flow wants a loop before what lies in it. */
function inOrder(graph: Graph): GraphNode[] {
  const placed = new Set<string>();
  const ordered: GraphNode[] = [];
  const place = (node: GraphNode) => {
    if (placed.has(node.id)) return;
    placed.add(node.id);
    const parent = node.parentId === undefined ? undefined : nodeById(graph, node.parentId);
    if (parent) place(parent);
    ordered.push(node);
  };
  graph.nodes.forEach(place);
  return ordered;
}
