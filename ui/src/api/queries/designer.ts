/** What the designer asks: of the ingestion service its pure functions and its deployments, of the engine its check. */
import { useQuery } from "@tanstack/react-query";
import type { Graph } from "../../model/designer/document";
import { BARE_KINDS, readKinds, type Kind } from "../../model/designer/kinds";
import type { NodeMap } from "../../model/designer/problems";
import { ApiFailure, answer, client, fetchJson } from "../client";
import { askIngestion } from "../ingestion";
import { keys } from "../keys";
import type { WorkflowDef } from "./definitions";

const post = <T>(path: string, body: unknown, more: RequestInit = {}): Promise<T> =>
  askIngestion<T>(path, {
    ...more,
    method: "POST",
    headers: { "Content-Type": "application/json", ...more.headers },
    body: JSON.stringify(body),
  });

export interface Conversion {
  definition: WorkflowDef & Record<string, unknown>;
  nodes: NodeMap;
}

/** The definition that a graph becomes; refused with its violations. */
export const convertGraph = (graph: Graph, signal?: AbortSignal): Promise<Conversion> =>
  post<Conversion>("/designer/convert", { graph }, signal ? { signal } : {});

/** The graph of a definition; nodes of `previous` whose tasks are the same keep what they are. */
export const drawDefinition = (definition: unknown, previous?: Graph): Promise<{ graph: unknown }> =>
  post("/designer/draw", previous ? { definition, previous } : { definition });

/** The graph from which a definition was deployed, if it is kept. */
export async function keptGraph(name: string, version?: number): Promise<unknown> {
  try {
    const query = version === undefined ? "" : `?version=${version}`;
    return await askIngestion<unknown>(`/designer/graphs/${encodeURIComponent(name)}${query}`);
  } catch (error) {
    if (error instanceof ApiFailure && [404, 405].includes(error.status)) return undefined;
    throw error;
  }
}

/** The service XML of a node's form. */
export const serviceXml = (type: string, data: Readonly<Record<string, unknown>>, workflowName: string): Promise<{ xml: string }> =>
  post("/designer/dps", { form: { ...data, type, workflowName } });

/** The engine's own check. Throws with its violations. */
export const validateDefinition = (definition: unknown, signal?: AbortSignal): Promise<unknown> =>
  fetchJson("/api/metadata/workflow/validate", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(definition),
    ...(signal ? { signal } : {}),
  });

export const registerDefinition = (definition: unknown): Promise<unknown> =>
  fetchJson("/api/metadata/workflow", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify([definition]),
  });

/** A registered definition; the latest version if none is named. */
export const registered = (name: string, version?: number): Promise<WorkflowDef> =>
  answer(client.GET("/api/metadata/workflow/{name}", { params: { path: { name }, query: version === undefined ? {} : { version } } }));

/** What the service last said of the kinds: while it is away forms look as they did. */
const KEPT_KINDS = "podium.designer.kinds";

/** The kinds of nodes. */
export function useKinds(): readonly Kind[] {
  const { data } = useQuery({
    queryKey: keys.designer("kinds"),
    queryFn: async () => {
      const said = await askIngestion<unknown>("/designer/kinds");
      store(KEPT_KINDS, JSON.stringify(said));
      return readKinds(said);
    },
    placeholderData: () => readKinds(stored(KEPT_KINDS)),
    staleTime: 300_000,
    refetchInterval: (query) => (query.state.data ? false : 15_000),
    retry: false,
  });
  return data && data.length > 0 ? data : BARE_KINDS;
}

function store(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // then it is asked for again
  }
}

function stored(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") as unknown;
  } catch {
    return null;
  }
}

/** What a deployment came to. */
export interface Deployed {
  workflow_instance_id: string | null;
  workflow_name: string;
  workflow_version: number;
  deployment_id: string;
  message: string;
  s3_input_uri?: string | null;
  s3_output_uri?: string | null;
  s3_report_uri?: string | null;
  services?: readonly Record<string, unknown>[];
  repeated?: boolean;
}

export interface DeployRequest {
  graph: Graph;
  inputUri: string | undefined;
  start: boolean;
  /** The same key is the same deployment: it may be asked again after a lost answer. */
  key: string;
}

export const deploy = ({ graph, inputUri, start, key }: DeployRequest): Promise<Deployed> =>
  post<Deployed>(
    "/workflow/deploy",
    { graph, ...(inputUri === undefined ? {} : { minio_input_uri: inputUri }), workflow_id: graph.name, trigger_conductor: start },
    { headers: { "Idempotency-Key": key } },
  );

export interface Deployment {
  workflow_name: string;
  state: string;
  step: string;
  error?: string | null;
  created_at_ms: number;
}

/** How far the newest deployment of a workflow came. */
export function useDeploymentStep(name: string, since: number, enabled: boolean) {
  return useQuery({
    queryKey: keys.designer("deployment", name, since),
    queryFn: async () => {
      const all = await askIngestion<readonly Deployment[]>("/deployments?limit=20");
      return all.filter((each) => each.workflow_name === name && each.created_at_ms >= since - 5_000).sort((a, b) => b.created_at_ms - a.created_at_ms)[0] ?? null;
    },
    enabled,
    refetchInterval: 700,
    retry: false,
  });
}
