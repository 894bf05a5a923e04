import {
  Background,
  Controls,
  MiniMap,
  Panel,
  ReactFlow,
  useReactFlow,
  type Connection,
  type EdgeChange,
  type NodeChange,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { useCallback, useMemo, useState, type DragEvent } from "react";
import { NODE_SIZE, type Point } from "../../model/designer/document";
import type { Kind } from "../../model/designer/kinds";
import { absolute, connect, loopAt, move, remove, reparent, sizeOf, whyNotConnect, type Size } from "../../model/designer/operations";
import type { NodeMap } from "../../model/designer/problems";
import { put } from "../../model/designer/palette";
import { useToast } from "../../widgets/Toast";
import { useEditor, useEditorState } from "./editor";
import { NODE_TYPES } from "./nodes";
import { shower, type Mark, type ShownNode } from "./shown";

export const DRAG_TYPE = "application/x-podium-node";
const MAP = { width: 150, height: 100 };
const NOTHING: ReadonlyMap<string, Point> = new Map();

interface Props {
  kinds: readonly Kind[];
  marks: ReadonlyMap<string, Mark>;
  /** Which tasks the nodes become. */
  made: NodeMap;
}

/** What is drawn: to be moved, connected, put into loops. Every change goes through the document. */
export function Canvas({ kinds, marks, made }: Props) {
  const editor = useEditor();
  const state = useEditorState();
  const graph = state.history.present;
  const flow = useReactFlow();
  const say = useToast();
  const [show] = useState(shower);
  // while nodes are dragged the document stays as it is: dropping them is the change
  const [moving, setMoving] = useState(NOTHING);
  const [measured, setMeasured] = useState<ReadonlyMap<string, Size>>(new Map());
  const selected = useMemo(() => new Set(state.selected), [state.selected]);
  const nodes = useMemo(
    () => show.showNodes(graph, kinds, selected, marks, moving, measured, made),
    [show, graph, kinds, selected, marks, moving, measured, made],
  );
  const edges = useMemo(() => show.showEdges(graph, selected), [show, graph, selected]);

  const changed = useCallback(
    (changes: (NodeChange<ShownNode> | EdgeChange)[]) => {
      const now = editor.get();
      let chosen: Set<string> | undefined;
      const sizes = new Map<string, Size>();
      const dragged = new Map<string, Point>();
      const placed = new Map<string, Point>();
      const gone: string[] = [];
      for (const each of changes) {
        if (each.type === "select") {
          chosen ??= new Set(now.selected);
          if (each.selected) chosen.add(each.id);
          else chosen.delete(each.id);
        } else if (each.type === "dimensions" && each.dimensions) sizes.set(each.id, each.dimensions);
        else if (each.type === "position" && each.position) (each.dragging ? dragged : placed).set(each.id, each.position);
        else if (each.type === "remove") gone.push(each.id);
      }
      if (sizes.size > 0) setMeasured((before) => new Map([...before, ...sizes]));
      if (dragged.size > 0) setMoving((before) => new Map([...before, ...dragged]));
      // by the arrow keys; the end of a drag is told apart by onNodeDragStop
      if (placed.size > 0) editor.apply((present) => move(present, placed), `move ${[...placed.keys()].join()}`);
      if (gone.length > 0) editor.apply((present) => remove(present, gone));
      if (chosen) editor.select([...chosen]);
    },
    [editor],
  );

  const dropped = useCallback(
    (_event: unknown, _node: ShownNode, all: ShownNode[]) => {
      setMoving(NOTHING);
      editor.apply((present) => {
        const ids = all.map((node) => node.id);
        let next = move(present, new Map(all.map((node) => [node.id, node.position])));
        for (const each of all) {
          const node = next.nodes.find((found) => found.id === each.id);
          if (!node) continue;
          const before = present.nodes.find((found) => found.id === each.id) ?? node;
          // where it was let go, before the border of its loop kept it
          const corner = absolute(present, { ...before, position: each.position });
          const size = sizeOf(next, node);
          const middle = { x: corner.x + size.width / 2, y: corner.y + Math.min(size.height, NODE_SIZE.height) / 2 };
          const loop = loopAt(present, middle, new Set(ids));
          if (loop?.id !== node.parentId) {
            next = reparent({ ...next, nodes: next.nodes.map((n) => (n.id === node.id ? { ...n, position: each.position } : n)) }, [node.id], loop?.id);
          }
        }
        return next;
      });
    },
    [editor],
  );

  const connected = useCallback(
    (connection: Connection) => {
      const { graph: next, refused } = connect(editor.graph(), connection.source, connection.target);
      if (refused === undefined) editor.apply(() => next);
      else say({ text: refused, bad: true });
    },
    [editor, say],
  );

  const drop = (event: DragEvent) => {
    const id = event.dataTransfer.getData(DRAG_TYPE);
    if (id === "") return;
    event.preventDefault();
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const corner = { x: Math.round(at.x - NODE_SIZE.width / 2), y: Math.round(at.y - NODE_SIZE.height / 2) };
    const loop = loopAt(editor.graph(), at, new Set());
    const inLoop = loop ? absolute(editor.graph(), loop) : { x: 0, y: 0 };
    const where = { at: { x: corner.x - inLoop.x, y: corner.y - inLoop.y }, ...(loop ? { parentId: loop.id } : {}) };
    const made = put(editor.graph(), id, kinds, where, Date.now());
    editor.apply(() => made.graph);
    editor.select(made.ids.slice(0, 1));
  };

  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      onNodesChange={changed}
      onEdgesChange={changed}
      onConnect={connected}
      isValidConnection={(edge) => whyNotConnect(graph, edge.source, edge.target) === undefined}
      onNodeDragStop={dropped}
      onDrop={drop}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(DRAG_TYPE)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
      }}
      // Delete is a command of the page
      deleteKeyCode="Backspace"
      fitView
      fitViewOptions={{ maxZoom: 1, padding: 0.15 }}
      minZoom={0.1}
      onlyRenderVisibleElements={graph.nodes.length > 300}
      aria-label="Canvas"
    >
      <Background gap={16} />
      <Controls showInteractive={false} aria-label="Zoom" />
      <MiniMap pannable zoomable ariaLabel="Small map of the canvas" style={MAP} />
      {graph.nodes.length === 0 && (
        <Panel position="top-center" className="designer-hint">
          <h2>Draw a pipeline</h2>
          <p>Drag a node from the palette, or choose one there and press Enter. Each further one is put behind the selected node.</p>
        </Panel>
      )}
    </ReactFlow>
  );
}
