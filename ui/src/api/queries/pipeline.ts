/** What the ingestion service knows of the pipeline around the engine. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { keys } from "../keys";
import { askIngestion } from "../ingestion";

export interface DagRun {
  id: number | string;
  dag_id: string;
  dag_run_id: string;
  workflow_id: string;
  task: string;
  state: string;
  since: number;
  checked_at?: number | null;
  error?: string | null;
}
export interface StoredFile {
  key: string;
  size: number;
  modified_seconds: number | null;
  uri: string;
}
export interface Summary {
  workflows: number;
  services: { service: string; valid: number; invalid: number; workflows: number; reasons: { reason: string; count: number }[] }[];
}
export interface Deployment {
  deployment_id: string;
  state: string;
  step: string;
  error?: string | null;
  workflow_name: string;
  workflow_version: number;
  workflow_instance_id?: string | null;
  updated_at_ms: number;
}

const EVERY = 5_000;
export function useDagRuns(state: string) {
  return useQuery({
    queryKey: keys.pipeline("dags", state),
    queryFn: async ({ signal }) => (await askIngestion<{ runs: DagRun[] }>(`/dag-runs?limit=200${state ? `&state=${encodeURIComponent(state)}` : ""}`, { signal })).runs,
    placeholderData: keepPreviousData,
    refetchInterval: EVERY,
  });
}

export function useFiles(bucket: string | undefined, prefix: string) {
  return useQuery({
    queryKey: keys.pipeline("files", bucket, prefix),
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ bucket: bucket ?? "", prefix, limit: "1000" });
      return (await askIngestion<{ files: StoredFile[] }>(`/files?${query}`, { signal })).files;
    },
    enabled: bucket !== undefined,
    placeholderData: keepPreviousData,
  });
}

/** A link to the store that is good for some minutes. */
export async function fileLink(bucket: string, key: string): Promise<string> {
  const { url } = await askIngestion<{ url: string }>(`/files/link?${new URLSearchParams({ bucket, key })}`);
  return url;
}

export function useStatistics() {
  return useQuery({
    queryKey: keys.pipeline("statistics"),
    queryFn: ({ signal }) => askIngestion<Summary>("/statistics/summary?limit=100", { signal }),
    refetchInterval: 2 * EVERY,
  });
}

export function useDeployments() {
  return useQuery({
    queryKey: keys.pipeline("deployments"),
    queryFn: ({ signal }) => askIngestion<Deployment[]>("/deployments", { signal }),
    refetchInterval: EVERY,
  });
}
