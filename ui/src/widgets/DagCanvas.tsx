/** Draws a graph: to look at, to choose from, to fold. Moves by mouse and by keys. Load it lazily: it is heavy. */
import { Background, MarkerType, MiniMap, Position, ReactFlow, ReactFlowProvider, useReactFlow, type ReactFlowInstance } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import type { Card } from "../model/card";
import type { Graph } from "../model/graph";
import type { Direction } from "../model/layout";
import { ActionsContext, type Actions } from "./dag/actions";
import { CanvasTools } from "./dag/CanvasTools";
import { around, boxes, neighbour, reachable, type Box, type Way } from "./dag/geometry";
import { Line, type LineEdge } from "./dag/Line";
import { ContainerCard, Pill, TaskCard, type CardNode } from "./dag/TaskCard";
import { usePicture, type Picture } from "./dag/usePicture";
import { Loading } from "./Loading";
import "./dag/dag.css";

export interface DagCanvasProps {
  graph: Graph;
  /** Reference name of the selected task, as the run names it. */
  selected?: string | undefined;
  /** The run of a sub-workflow that the selected task belongs to; absent: the run of the diagram. */
  selectedRun?: string | undefined;
  onSelect?: ((ref: string, run: string | undefined) => void) | undefined;
  /** Enter on a task, beyond selecting it. */
  onOpen?: ((ref: string) => void) | undefined;
  onFold?: ((id: string, open: boolean) => void) | undefined;
  onFoldAll?: ((open: boolean) => void) | undefined;
  /** Another iteration of a loop, another page of a wide fork. */
  onShow?: ((id: string, part: number) => void) | undefined;
  /** What the diagram is of, for whoever hears it. */
  label: string;
}

// defined once: new objects would make the canvas mount every node anew
const NODES = { card: TaskCard, container: ContainerCard, pill: Pill };
const EDGES = { line: Line };
const ARROW = { type: MarkerType.ArrowClosed, color: "var(--line-strong)", width: 16, height: 16 };
const MAP = { width: 150, height: 100 };
/** More nodes than this are mounted only while they are in view. */
const MOUNTED = 120;
/** Below this a card cannot be read, so a large picture begins in part. */
const LEGIBLE = 0.55;

/** A pane so much wider than high has the picture from left to right. */
const ACROSS = 1.8;
/** What the viewer chose last, for all diagrams; until then each pane has what fits it. */
let preferred: Direction | undefined;

export default function DagCanvas(props: DagCanvasProps) {
  const pane = useRef<HTMLDivElement>(null);
  const [direction, setDirection] = useState(preferred);
  useLayoutEffect(() => {
    const size = pane.current;
    if (size) setDirection((known) => known ?? (size.clientWidth > size.clientHeight * ACROSS ? "RIGHT" : "DOWN"));
  }, []);
  const turn = (): void => setDirection((now) => (preferred = now === "RIGHT" ? "DOWN" : "RIGHT"));
  const picture = usePicture(props.graph, direction);
  return (
    <div className="dag" ref={pane}>
      {picture ? (
        <ReactFlowProvider>
          <Canvas {...props} picture={picture} pane={pane} onTurn={turn} />
        </ReactFlowProvider>
      ) : (
        <Loading what="the diagram" />
      )}
    </div>
  );
}

interface CanvasProps extends DagCanvasProps {
  picture: Picture;
  pane: RefObject<HTMLDivElement | null>;
  onTurn: () => void;
}

function Canvas({ picture, pane, selected, selectedRun, label, onTurn, ...on }: CanvasProps) {
  const { graph, positions, routes, direction } = picture;
  const flow = useReactFlow();
  const at = useMemo(() => boxes(graph, positions), [graph, positions]);
  const [visited, visit] = useState<string>();
  const chosen = useMemo(
    () => graph.nodes.find((node) => selected !== undefined && node.card.ref === selected && (node.card.run ?? undefined) === selectedRun)?.id,
    [graph, selected, selectedRun],
  );
  // one card is in the order of the tab key, the arrows lead to the others
  const tab = [visited, chosen, graph.nodes.find(reachable)?.id].find((id) => id !== undefined && at.has(id));

  const latest = useRef(on);
  useEffect(() => {
    latest.current = on;
  });
  const anchor = useRef<string>(undefined);
  const actions = useMemo<Actions>(
    () => ({
      select: (card) => {
        // a task of a definition within the definition is none of the page's own
        if (card.ref && card.run !== "") latest.current.onSelect?.(card.ref, card.run ?? undefined);
      },
      fold: (id, open) => {
        anchor.current = id;
        latest.current.onFold?.(id, open);
      },
      show: (id, part) => {
        anchor.current = id;
        latest.current.onShow?.(id, part);
      },
      focused: visit,
    }),
    [],
  );

  const nodes = useFlowNodes(picture, at, chosen, tab);
  const edges = useMemo<LineEdge[]>(() => {
    const titles = new Map(graph.nodes.map((node) => [node.id, node.card.title]));
    return graph.edges.map((edge) => ({
        id: edge.id,
        source: edge.source,
        target: edge.target,
        type: "line",
        markerEnd: ARROW,
        ariaLabel: `${titles.get(edge.source)} to ${titles.get(edge.target)}${edge.label ? `, ${edge.label}` : ""}`,
        data: { lit: edge.lit, text: edge.label, route: routes.get(edge.id) },
      }));
  }, [graph.nodes, graph.edges, routes]);

  const look = useCallback(
    (box: Box | undefined, closest: number, duration = motion()) => {
      const size = pane.current;
      if (!box || !size) return;
      const fit = Math.min(size.clientWidth / (box.width + 48), size.clientHeight / (box.height + 48));
      const zoom = Math.min(closest, Math.max(0.05, fit));
      void flow.setViewport(centred(box, zoom, size), { duration });
    },
    [flow, pane],
  );
  const fitAll = useCallback(() => look(around(at.values()), 1), [at, look]);
  const fitSelected = useCallback(() => look(chosen === undefined ? undefined : at.get(chosen), 1), [at, chosen, look]);

  const reveal = useCallback(
    (id: string) => {
      const [box, size] = [at.get(id), pane.current];
      if (!box || !size || inView(box, flow.getViewport(), size)) return;
      void flow.setViewport(centred({ ...box, height: Math.min(box.height, 80) }, Math.max(LEGIBLE, flow.getZoom()), size), { duration: motion() });
    },
    [at, flow, pane],
  );

  const begin = (instance: ReactFlowInstance<CardNode, LineEdge>) => {
    const [all, size] = [around(at.values()), pane.current];
    if (!all || !size) return;
    const fit = Math.min(size.clientWidth / (all.width + 48), size.clientHeight / (all.height + 48));
    if (fit >= LEGIBLE) return void instance.setViewport(centred(all, Math.min(1, fit), size));
    const first = graph.nodes.find((node) => node.id === chosen) ?? graph.nodes.find((node) => urgent(node.card)) ?? graph.nodes[0];
    const box = first && at.get(first.id);
    if (!box) return;
    const view = centred({ ...box, height: Math.min(box.height, 80) }, 0.8, size);
    const atStart = direction === "DOWN" ? { y: 24 - box.y * view.zoom } : { x: 24 - box.x * view.zoom };
    void instance.setViewport(first === graph.nodes[0] ? { ...view, ...atStart } : view);
  };

  useHold(picture, at, anchor);
  const shown = useRef<string>(undefined);
  useEffect(() => {
    if (chosen === shown.current) return;
    shown.current = chosen;
    if (chosen !== undefined) reveal(chosen);
  }, [chosen, reveal]);

  const focus = (id: string) => {
    visit(id);
    reveal(id);
    // a card out of view is mounted only after the view has come to it
    const later = (tries: number) => {
      const card = pane.current?.querySelector<HTMLElement>(`[data-dag="${CSS.escape(id)}"]`);
      if (card) card.focus({ preventScroll: true });
      else if (tries > 0) requestAnimationFrame(() => later(tries - 1));
    };
    requestAnimationFrame(() => later(20));
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (target.tagName === "INPUT") return;
    const id = target.dataset["dag"];
    const node = graph.nodes.find((each) => each.id === (id ?? tab));
    const done = (): void => {
      event.preventDefault();
      event.stopPropagation();
    };
    if (event.key.startsWith("Arrow") && node) {
      done();
      const next = neighbour(graph, at, node.id, event.key as Way, direction);
      if (next !== undefined) focus(next);
    } else if (event.key === " " && id !== undefined && node?.card.fold) {
      done();
      actions.fold(id, node.card.fold === "folded");
    } else if (event.key === "Enter" && id !== undefined && node?.card.run === null) {
      latest.current.onOpen?.(node.card.ref);
    } else if (event.key === "+" || event.key === "=") {
      done();
      void flow.zoomIn({ duration: motion() });
    } else if (event.key === "-") {
      done();
      void flow.zoomOut({ duration: motion() });
    } else if (event.key === "0") {
      done();
      fitAll();
    } else if (event.key === ".") {
      done();
      fitSelected();
    }
  };

  return (
    <ActionsContext value={actions}>
      <ReactFlow<CardNode, LineEdge>
        aria-label={label}
        onKeyDown={pressed}
        nodes={nodes}
        edges={edges}
        nodeTypes={NODES}
        edgeTypes={EDGES}
        onInit={begin}
        minZoom={0.05}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        panActivationKeyCode={null}
        zoomActivationKeyCode={null}
        zoomOnDoubleClick={false}
        onlyRenderVisibleElements={nodes.length > MOUNTED}
      >
        <Background gap={24} />
        {nodes.length > 8 && <MiniMap style={MAP} pannable zoomable ariaLabel="The whole diagram, small" nodeClassName={miniature} />}
      </ReactFlow>
      <CanvasTools
        hidden={graph.hidden}
        onZoom={(closer) => void (closer ? flow.zoomIn({ duration: motion() }) : flow.zoomOut({ duration: motion() }))}
        onFitAll={fitAll}
        onFitSelected={chosen === undefined ? undefined : fitSelected}
        onTurn={onTurn}
        onFoldAll={graph.nodes.some((node) => node.card.fold !== null) ? on.onFoldAll : undefined}
      />
    </ActionsContext>
  );
}

/** The nodes as the canvas wants them; those of which nothing changed stay the same objects. */
function useFlowNodes({ graph, positions, direction }: Picture, at: ReadonlyMap<string, Box>, chosen: string | undefined, tab: string | undefined): CardNode[] {
  const before = useRef(new Map<string, CardNode>());
  const nodes = useMemo(() => {
    const next = new Map<string, CardNode>();
    for (const node of graph.nodes) {
      const [place, box, old] = [positions.get(node.id), at.get(node.id), before.current.get(node.id)];
      if (!place || !box) continue;
      const [selected, first] = [node.id === chosen, node.id === tab];
      const sameData = old?.data.card === node.card && old.data.selected === selected && old.data.tab === first;
      const [targetPosition, sourcePosition] = direction === "DOWN" ? [Position.Top, Position.Bottom] : [Position.Left, Position.Right];
      const sameBox = old?.sourcePosition === sourcePosition && old.position.x === place.x && old.position.y === place.y && old.width === box.width && old.height === box.height;
      const type = node.container ? "container" : node.card.kind === "start" || node.card.kind === "end" || node.card.kind === "wait" ? "pill" : "card";
      if (old && sameData && sameBox && old.type === type && old.parentId === node.parent) {
        next.set(node.id, old);
        continue;
      }
      next.set(node.id, {
        id: node.id,
        type,
        position: { x: place.x, y: place.y },
        targetPosition,
        sourcePosition,
        width: box.width,
        height: box.height,
        measured: { width: box.width, height: box.height },
        data: sameData ? old.data : { card: node.card, selected, tab: first },
        // what is in it has names of its own; the box around it has none to tell
        domAttributes: { "aria-roledescription": undefined },
        ...(node.parent === undefined ? {} : { parentId: node.parent }),
      });
    }
    return next;
  }, [graph, positions, direction, at, chosen, tab]);
  useEffect(() => {
    before.current = nodes;
  }, [nodes]);
  return useMemo(() => [...nodes.values()], [nodes]);
}

/** When the layout changes, what the viewer touched, or else the first node that stays, keeps its place on the screen. */
function useHold(picture: Picture, at: ReadonlyMap<string, Box>, anchor: { current: string | undefined }): void {
  const flow = useReactFlow();
  const before = useRef({ positions: picture.positions, at });
  useLayoutEffect(() => {
    const old = before.current;
    before.current = { positions: picture.positions, at };
    if (old.positions === picture.positions) return;
    const held = [anchor.current, ...picture.graph.nodes.map((node) => node.id)].find((id) => id !== undefined && old.at.has(id) && at.has(id));
    anchor.current = undefined;
    const [was, is] = [old.at.get(held ?? ""), at.get(held ?? "")];
    if (!was || !is) return;
    const view = flow.getViewport();
    const [dx, dy] = [was.x + was.width / 2 - is.x - is.width / 2, was.y - is.y];
    if (dx !== 0 || dy !== 0) void flow.setViewport({ x: view.x + dx * view.zoom, y: view.y + dy * view.zoom, zoom: view.zoom });
  }, [picture, at, anchor, flow]);
}

const motion = (): number => (matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 140);
const urgent = (card: Card): boolean => card.status?.tone === "bad" || card.status?.tone === "run";
const miniature = (node: CardNode): string =>
  `dag-mini ${node.type === "container" ? "dag-mini-container" : node.data.card.lit ? `tone-${node.data.card.status?.tone ?? "mute"}` : "dag-mini-dim"}`;

function centred(box: Box, zoom: number, size: { clientWidth: number; clientHeight: number }) {
  return { x: size.clientWidth / 2 - (box.x + box.width / 2) * zoom, y: size.clientHeight / 2 - (box.y + box.height / 2) * zoom, zoom };
}
function inView(box: Box, view: { x: number; y: number; zoom: number }, size: { clientWidth: number; clientHeight: number }): boolean {
  const [left, top] = [box.x * view.zoom + view.x, box.y * view.zoom + view.y];
  return left >= 0 && top >= 0 && left + Math.min(box.width, 200) * view.zoom <= size.clientWidth && top + Math.min(box.height, 60) * view.zoom <= size.clientHeight;
}
