/** Definitions of workflows and tasks, and schedules. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, client, fetchJson, type Schemas } from "../client";
import { definitionRows } from "../../model/definitions";
import type { Recent } from "../../model/grid";
import { RUN_STATUSES } from "../../model/status";
import { keys } from "../keys";

export type WorkflowDef = Schemas["WorkflowDef"];
export type VersionOf = Schemas["WorkflowDefSummary"];

/** One definition; the latest version if none is named. */
export function useDefinition(name: string, version?: number, enabled = true) {
  return useQuery({
    queryKey: keys.definition(name, "one", version ?? "latest"),
    queryFn: ({ signal }) =>
      answer(client.GET("/api/metadata/workflow/{name}", { params: { path: { name }, query: version === undefined ? {} : { version } }, signal })),
    enabled,
    staleTime: 10_000,
  });
}

/** The versions of one definition, the newest first. */
export function useVersions(name: string, enabled = true) {
  return useQuery({
    queryKey: keys.definition(name, "versions"),
    queryFn: ({ signal }) => answer(client.GET("/api/metadata/workflow/{name}/versions", { params: { path: { name } }, signal })),
    select: (versions: readonly VersionOf[]) => versions.toSorted((a, b) => b.version - a.version),
    enabled,
    staleTime: 10_000,
  });
}

/** Starts a workflow; `body` is the whole request as text, see `startRequest`. Answers with the run's id. */
export function useStart() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: string) =>
      fetchJson<string>("/api/workflow", { method: "POST", headers: { "Content-Type": "application/json", Accept: "text/plain" }, body }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.runs }),
  });
}

/** All names with their versions: small, also for ten thousand. */
export function useNames() {
  return useQuery({
    queryKey: keys.definition("", "names"),
    queryFn: ({ signal }) => answer(client.GET("/api/metadata/workflow/names-and-versions", { signal })),
    select: definitionRows,
    staleTime: 10_000,
    refetchInterval: 30_000,
  });
}

export interface About {
  description: string;
  owner: string;
}

/** What each definition says of itself. Whole definitions are large, so the list does not wait for this. */
export function useAbout() {
  return useQuery({
    queryKey: keys.definition("", "about"),
    queryFn: async ({ signal }) => {
      const list = await answer(client.GET("/api/metadata/workflow/latest-versions", { signal }));
      // the rest of ten thousand definitions is not worth its memory
      return new Map<string, About>(list.map((each) => [each.name, { description: each.description ?? "", owner: each.ownerEmail ?? "" }]));
    },
    staleTime: 60_000,
    structuralSharing: false,
  });
}

/** The last runs of a definition against its tasks. */
export function useRecent(name: string, options: { version?: number | undefined; limit: number; enabled?: boolean; every?: number }) {
  const query = { limit: options.limit, ...(options.version === undefined ? {} : { version: options.version }) };
  return useQuery({
    queryKey: keys.definition(name, "recent", query),
    // OpenAPI has no word for a tuple: each cell is one, as `Cell` says
    queryFn: async ({ signal }) =>
      (await answer(client.GET("/api/podium/definitions/{name}/recent", { params: { path: { name }, query }, signal }))) as unknown as Recent,
    enabled: options.enabled ?? true,
    staleTime: 5_000,
    ...(options.every === undefined ? {} : { refetchInterval: options.every }),
  });
}

/** How many runs of a version are under way. */
export function useOpenRuns(name: string, version: number) {
  return useQuery({
    queryKey: keys.runCounts({ definition: name, version }),
    queryFn: async ({ signal }) => {
      const quoted = name.replace(/['\\]/g, "\\$&");
      const query = `workflowType = '${quoted}' AND version = ${version}`;
      const said = await answer(client.GET("/api/podium/workflows/counts", { params: { query: { query } }, signal }));
      const open = RUN_STATUSES.filter((status) => !status.ended).reduce((sum, status) => sum + (said.counts[status.name] ?? 0), 0);
      return { open, atLeast: said.relation === "gte" };
    },
  });
}

export function useDeleteVersion() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ name, version }: { name: string; version: number }) =>
      answer(client.DELETE("/api/metadata/workflow/{name}/{version}", { params: { path: { name, version } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.definitions }),
  });
}
