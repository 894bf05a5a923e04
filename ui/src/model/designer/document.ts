/** The document of the designer: what people draw. Its shape is the graph of docs/designer.md; members that nobody here knows stay. */

export type Members = Record<string, unknown>;

export interface Point {
  x: number;
  y: number;
}

export interface GraphNode {
  id: string;
  /** A documented kind, or `task` for any Conductor task, which then is `data.task`. */
  type: string;
  /** Of a node in a loop: inside of it. */
  position: Point;
  data: Members;
  /** The DO_WHILE node in whose body it is. */
  parentId?: string;
}

export interface GraphEdge {
  id: string;
  source: string;
  target: string;
  /** `case` of an edge out of a SWITCH, `branch` of one out of a FORK_JOIN. */
  data?: Members;
}

export interface Graph {
  name: string;
  description: string;
  ownerEmail: string;
  version?: number;
  /** Members of the workflow definition that the graph has no place for; null leaves out what the converter would put there. */
  definition?: Members;
  nodes: GraphNode[];
  edges: GraphEdge[];
  [member: string]: unknown;
}

export const TASK = "task";
/** As large as every node is drawn. */
export const NODE_SIZE = { width: 228, height: 60 } as const;

export const emptyGraph = (): Graph => ({
  name: "poc_workflow",
  description: "",
  ownerEmail: "designer@example.com",
  nodes: [],
  edges: [],
});

export const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value);

/** The object without a member. */
export function without<T extends object, K extends keyof T>(value: T, member: K): Omit<T, K> {
  const rest = { ...value };
  delete rest[member];
  return rest;
}

/** The Conductor task of a node of type `task`; of another node nothing. */
export function taskOf(node: GraphNode): Members | undefined {
  return node.type === TASK ? (isMembers(node.data["task"]) ? node.data["task"] : {}) : undefined;
}

/** The Conductor type of a node; blank is SIMPLE, as for the engine. */
export function taskTypeOf(node: GraphNode): string | undefined {
  const task = taskOf(node);
  if (!task) return undefined;
  const type = task["type"];
  return typeof type === "string" && type.trim() !== "" ? type : "SIMPLE";
}

export const referenceOf = (node: GraphNode): string => {
  const reference = taskOf(node)?.["taskReferenceName"];
  return typeof reference === "string" ? reference : "";
};

export const isLoop = (node: GraphNode): boolean => taskTypeOf(node) === "DO_WHILE";
export const choosesCase = (node: GraphNode): boolean => ["SWITCH", "DECISION"].includes(taskTypeOf(node) ?? "");
export const isFork = (node: GraphNode): boolean => taskTypeOf(node) === "FORK_JOIN";

/** What people call a node: its reference, else what its form calls it, else what it becomes, else its kind. */
export function nameOf(node: GraphNode, made: Readonly<Record<string, readonly string[]>> = {}): string {
  const own = [referenceOf(node), node.data["label"], node.data["serviceName"], node.data["taskName"], made[node.id]?.[0], node.type];
  return own.find((text): text is string => typeof text === "string" && text !== "") ?? node.id;
}

/** The names of the workflow's inputs. */
export function inputsOf(graph: Graph): string[] {
  const names = graph.definition?.["inputParameters"];
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === "string" && name !== "") : [];
}

export const nodeById = (graph: Graph, id: string): GraphNode | undefined => graph.nodes.find((node) => node.id === id);

/** Whether two documents differ in their places at most. */
export function sameWork(a: Graph, b: Graph): boolean {
  if (a === b) return true;
  const work = (graph: Graph) => JSON.stringify({ ...graph, nodes: graph.nodes.map((node) => without(node, "position")) });
  return work(a) === work(b);
}

const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const text = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);

/** Reads a graph that somebody hands in. Throws in words if it is none; what is odd in a node is kept for the check to name. */
export function readGraph(value: unknown): Graph {
  if (!isMembers(value)) throw new Error("A graph is a JSON object with nodes and edges.");
  const { nodes, edges } = value;
  if (!Array.isArray(nodes)) throw new Error("The graph has no list of nodes.");
  if (edges !== undefined && edges !== null && !Array.isArray(edges)) throw new Error("The graph's edges are no list.");
  const seen = new Set<string>();
  const readNodes = nodes.map((each: unknown, at): GraphNode => {
    if (!isMembers(each)) throw new Error(`Node ${at} is no object.`);
    const id = text(each["id"], "");
    if (id === "") throw new Error(`Node ${at} has no id.`);
    if (seen.has(id)) throw new Error(`Node ${id} is there twice.`);
    seen.add(id);
    const position = isMembers(each["position"]) ? each["position"] : {};
    const node: GraphNode = {
      id,
      type: text(each["type"], ""),
      position: { x: number(position["x"]), y: number(position["y"]) },
      data: isMembers(each["data"]) ? each["data"] : {},
    };
    if (typeof each["parentId"] === "string" && each["parentId"] !== "") node.parentId = each["parentId"];
    return node;
  });
  const lost = readNodes.find((node) => node.parentId !== undefined && !seen.has(node.parentId));
  if (lost) throw new Error(`Node ${lost.id} is in the loop ${lost.parentId}, which does not exist.`);
  const byId = new Map(readNodes.map((node) => [node.id, node]));
  for (const node of readNodes) {
    // the canvas draws a node inside of its loop: a ring of loops has no outermost one
    const above = new Set([node.id]);
    for (let at = node.parentId; at !== undefined; at = byId.get(at)?.parentId) {
      if (above.has(at)) throw new Error(`The loops around node ${node.id} lie in each other.`);
      above.add(at);
    }
  }
  const taken = new Set<string>();
  const readEdges = (edges ?? []).map((each: unknown, at: number): GraphEdge => {
    if (!isMembers(each)) throw new Error(`Edge ${at} is no object.`);
    const source = text(each["source"], "");
    const target = text(each["target"], "");
    for (const end of [source, target]) {
      if (!seen.has(end)) throw new Error(`Edge ${at} leads to the node "${end}", which does not exist.`);
    }
    let id = text(each["id"], "") || `${source}-to-${target}`;
    while (taken.has(id)) id = `${id}-${at}`;
    taken.add(id);
    return isMembers(each["data"]) ? { id, source, target, data: each["data"] } : { id, source, target };
  });
  const graph: Graph = {
    ...value,
    name: text(value["name"], "poc_workflow"),
    description: text(value["description"], ""),
    ownerEmail: text(value["ownerEmail"], ""),
    nodes: readNodes,
    edges: readEdges,
  };
  if (typeof graph.version !== "number") delete graph.version;
  if (!isMembers(graph.definition)) delete graph.definition;
  return graph;
}

/** Whether JSON is a workflow definition, a graph, or neither. */
export function kindOfDocument(value: unknown): "graph" | "definition" | undefined {
  if (!isMembers(value)) return undefined;
  if (Array.isArray(value["nodes"])) return "graph";
  return Array.isArray(value["tasks"]) ? "definition" : undefined;
}
