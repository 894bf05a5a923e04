/** Deploying what is drawn, and how its run stands on the drawing. */
import type { NodeState, Offer, Statistics } from "../news";
import { baseName } from "../run";
import { taskStatus, type Status } from "../status";
import { TASK, type Graph } from "./document";
import type { NodeMap } from "./problems";

/** Whether the ingestion service has to take part: it moves files and writes the services' metadata. */
export const hasPipelineNodes = (graph: Graph): boolean => graph.nodes.some((node) => node.type !== TASK);

/** As documented: the file of the first e-mail node, else that of the hygiene node. */
export function inputUriOf(graph: Graph): string | undefined {
  const text = (value: unknown): string => (typeof value === "string" ? value.trim() : "");
  const email = graph.nodes.find((node) => node.type === "emailValidation");
  if (email && text(email.data["inputBucket"]) !== "" && text(email.data["inputKey"]) !== "") {
    return `minio://${text(email.data["inputBucket"])}/${text(email.data["inputKey"])}`;
  }
  for (const type of ["dpEmailHygiene", "nameParse"]) {
    const uri = text(graph.nodes.find((node) => node.type === type)?.data["inputUri"]);
    if (uri !== "") return uri.replace(/^s3:/, "minio:");
  }
  return undefined;
}

/** How each node stands by its tasks: what failed counts first, then what goes on, then the last that ended. */
export function nodeStatuses(made: NodeMap, tasks: readonly Pick<NodeState, "reference" | "status">[]): Map<string, Status> {
  const latest = new Map<string, Status>();
  for (const task of tasks) latest.set(baseName(task.reference), taskStatus(task.status));
  const found = new Map<string, Status>();
  for (const [node, references] of Object.entries(made)) {
    const own = references.map((reference) => latest.get(reference)).filter((status) => status !== undefined);
    const status = own.find((each) => each.tone === "bad") ?? own.find((each) => !each.ended) ?? own.at(-1);
    if (status) found.set(node, status);
  }
  return found;
}

/** The node from which an offer goes on. */
export function nodeOfOffer(made: NodeMap, offer: Offer | undefined): string | undefined {
  const reference = offer?.payload["reRunFromTaskRefName"];
  return typeof reference === "string" ? Object.keys(made).find((id) => made[id]?.includes(baseName(reference))) : undefined;
}

/** The node whose service left statistics: their label is its publish task's, with `_task`. */
export function nodeOfStatistics(graph: Graph, made: NodeMap, statistics: Statistics): string | undefined {
  const label = statistics.task_id.replace(/_task$/, "");
  const found = Object.keys(made).find((id) => made[id]?.includes(label));
  if (found !== undefined) return found;
  // Airflow's publish task is called otherwise than its label
  return label.startsWith("airflow_trigger") ? graph.nodes.find((node) => node.type === "airflowTrigger")?.id : undefined;
}

export const statisticsFile = (statistics: Statistics): string => `${statistics.task_id}_${statistics.workflow_id}_stats.json`;

/** The statistics as JSON: one value, or one a line. What is neither stays text. */
export function readStatistics(content: string): unknown {
  try {
    return JSON.parse(content) as unknown;
  } catch {
    const lines = content.split("\n").filter((line) => line.trim() !== "");
    try {
      return lines.map((line) => JSON.parse(line) as unknown);
    } catch {
      return content;
    }
  }
}
