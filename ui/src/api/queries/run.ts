/** What is asked about one run. All of it lies under `keys.run(id)`, so the news of a run renews what is shown of it and nothing else. */
import { keepPreviousData, queryOptions, useQueries, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { readOverview, type Overview, type WireOverview } from "../../model/run";
import { runStatus } from "../../model/status";
import { answer, client, fetchJson, type Schemas } from "../client";
import { keys } from "../keys";
import { POLL_EVERY } from "../live";

/** What could not be fetched of a payload that is kept outside of the database, in words. */
export interface Absent {
  input?: string;
  output?: string;
}
export type TaskDetail = Schemas["Task"] & { absent: Absent };
export type RunData = Schemas["Workflow"] & { absent: Absent };
export type LogLine = Schemas["TaskExecLog"];
export type Account = Schemas["WorkflowHistory"];

/** One thing that a run waits for. Kinds may be added: show unknown ones by their text. */
export type Wait = Schemas["WorkflowWait"];

const part = encodeURIComponent;
export const overviewKey = (id: string) => keys.runPart(id, "overview");

/** The whole of a run without inputs and outputs. A refetch asks for what changed only. */
export const overviewOptions = (queries: QueryClient, id: string) =>
  queryOptions({
    queryKey: overviewKey(id),
    queryFn: async ({ signal }): Promise<Overview> => {
      const before = queries.getQueryData<Overview>(overviewKey(id));
      const since = before ? `?since=${before.workflow.version}` : "";
      const wire = await fetchJson<WireOverview>(`/api/podium/workflows/${part(id)}/overview${since}`, { signal });
      return readOverview(wire, before);
    },
    // readOverview keeps what did not change; to compare 10,000 rows again would cost more than the answer
    structuralSharing: false,
  });

export const useOverview = (id: string) => useQuery(overviewOptions(useQueryClient(), id));

/** Child runs that are shown inside of their parent. No stream tells of them, so those that go on are asked now and then. */
export function useOverviews(ids: readonly string[]) {
  const queries = useQueryClient();
  return useQueries({
    queries: ids.map((id) => ({
      ...overviewOptions(queries, id),
      refetchInterval: (query: { state: { data?: Overview | undefined } }) =>
        query.state.data && runStatus(query.state.data.workflow.status).ended ? false : POLL_EVERY,
    })),
  });
}

type Payload = { value?: Record<string, unknown>; error?: string };

/** A payload that is kept outside of the database. It may lie in a bucket that this page cannot reach: then it says so, and the rest is shown. */
async function stored(path: string | null | undefined, payloadType: string, signal: AbortSignal): Promise<Payload> {
  if (!path) return {};
  try {
    const query = { path, operation: "READ", payloadType };
    const place = await answer<Schemas["ExternalStorageLocation"]>(client.GET("/api/tasks/externalstoragelocation", { params: { query }, signal }));
    return { value: await fetchJson<Record<string, unknown>>(new URL(place.uri ?? path, location.origin).href, { signal }) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

const absent = (input: Payload, output: Payload): Absent => ({
  ...(input.error === undefined ? {} : { input: input.error }),
  ...(output.error === undefined ? {} : { output: output.error }),
});

/** One attempt with its input and output. `stamp` is what its row says of its age: a new one asks again. */
export function useTask(runId: string, taskId: string | undefined, stamp: string, enabled = true) {
  return useQuery({
    queryKey: [...keys.task(taskId ?? ""), runId, stamp],
    queryFn: async ({ signal }): Promise<TaskDetail> => {
      const task = await answer<Schemas["Task"]>(client.GET("/api/tasks/{taskId}", { params: { path: { taskId: taskId ?? "" } }, signal }));
      const [input, output] = await Promise.all([
        stored(task.externalInputPayloadStoragePath, "TASK_INPUT", signal),
        stored(task.externalOutputPayloadStoragePath, "TASK_OUTPUT", signal),
      ]);
      return { ...task, inputData: input.value ?? task.inputData, outputData: output.value ?? task.outputData, absent: absent(input, output) };
    },
    enabled: enabled && taskId !== undefined,
    staleTime: Infinity,
    // the same attempt, a moment older, is better than an empty pane
    placeholderData: (previous, query) => (query?.queryKey[1] === taskId ? previous : undefined),
    structuralSharing: false,
  });
}

export function useExplain(id: string, enabled: boolean) {
  return useQuery({
    queryKey: keys.runPart(id, "explain"),
    queryFn: ({ signal }) => answer(client.GET("/api/workflow/{workflowId}/explain", { params: { path: { workflowId: id } }, signal })),
    enabled,
    placeholderData: keepPreviousData,
  });
}

/** Lines of one attempt, oldest first; none is an empty list. */
export function useLogs(runId: string, taskId: string | undefined) {
  return useQuery({
    queryKey: keys.runPart(runId, "log", taskId),
    queryFn: async ({ signal }) =>
      (await answer<LogLine[] | undefined>(client.GET("/api/tasks/{taskId}/log", { params: { path: { taskId: taskId ?? "" } }, signal }))) ?? [],
    enabled: taskId !== undefined,
  });
}

export function useHistory(id: string, start: number, size: number) {
  return useQuery({
    queryKey: keys.runPart(id, "history", start, size),
    queryFn: ({ signal }) =>
      answer<Account>(client.GET("/api/workflow/{workflowId}/history", { params: { path: { workflowId: id }, query: { start, size } }, signal })),
    placeholderData: keepPreviousData,
  });
}

/** Input, output and variables of the run itself. */
export function useRunData(id: string, enabled: boolean) {
  return useQuery({
    queryKey: keys.runPart(id, "data"),
    queryFn: async ({ signal }): Promise<RunData> => {
      const run = await answer<Schemas["Workflow"]>(
        client.GET("/api/workflow/{workflowId}", { params: { path: { workflowId: id }, query: { includeTasks: false } }, signal }),
      );
      const [input, output] = await Promise.all([
        stored(run.externalInputPayloadStoragePath, "WORKFLOW_INPUT", signal),
        stored(run.externalOutputPayloadStoragePath, "WORKFLOW_OUTPUT", signal),
      ]);
      return { ...run, input: input.value ?? run.input, output: output.value ?? run.output, absent: absent(input, output) };
    },
    enabled,
    structuralSharing: false,
  });
}

export const runJsonUrl = (id: string): string => `/api/workflow/${part(id)}`;

/** The whole run as the API tells it, as text. */
export const runText = (id: string, signal: AbortSignal): Promise<string> =>
  answer<string>(client.GET("/api/workflow/{workflowId}", { params: { path: { workflowId: id } }, parseAs: "text", signal }));
