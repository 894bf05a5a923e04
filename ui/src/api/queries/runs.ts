/** Lists of runs, their counts and the names of definitions. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { byIds, type Ask } from "../../model/search";
import { answer, client, fetchJson, type Schemas } from "../client";
import { keys } from "../keys";

export type RunRow = Schemas["WorkflowSummary"];

export interface RunPage {
  rows: readonly RunRow[];
  total: number;
  /** False: there are at least so many. */
  exact: boolean;
}
export interface RunCounts {
  counts: Readonly<Record<string, number>>;
  relation: "eq" | "gte";
}

/** What a list shows. The question is made when it is asked, because "the last hour" ends now. */
export interface ListAsk {
  /** Equal texts ask the same thing. */
  key: string;
  ask: () => Ask;
}
interface PageAsk extends ListAsk {
  sort: string;
  start: number;
  size: number;
}

async function searched(ask: Ask, sort: string, start: number, size: number, signal?: AbortSignal): Promise<RunPage> {
  const call = client.GET("/api/workflow/search", {
    params: {
      query: { start, size, sort, ...(ask.query ? { query: ask.query } : {}), ...(ask.freeText ? { freeText: ask.freeText } : {}) },
    },
    ...(signal ? { signal } : {}),
  });
  const found = await answer(call);
  const { response } = await call;
  return { rows: found.results, total: found.totalHits, exact: response.headers.get("x-total-hits-relation") !== "gte" };
}

/** One page; what was there before stays while the next one is on its way. */
export const useRunList = ({ key, ask, sort, start, size }: PageAsk) =>
  useQuery({
    queryKey: keys.runList({ key, sort, start, size }),
    queryFn: ({ signal }) => searched(ask(), sort, start, size, signal),
    placeholderData: keepPreviousData,
  });

/** How many runs of each status there are, whatever status the list shows. */
export const useRunCounts = ({ key, ask }: ListAsk) =>
  useQuery({
    queryKey: keys.runCounts(key),
    queryFn: ({ signal }) => counted(ask(), signal),
    placeholderData: keepPreviousData,
  });

export function counted({ query, freeText }: Ask, signal?: AbortSignal): Promise<RunCounts> {
  const parameters = new URLSearchParams({ ...(query ? { query } : {}), ...(freeText ? { freeText } : {}) });
  return fetchJson<RunCounts>(`/api/podium/workflows/counts?${parameters.toString()}`, signal ? { signal } : {});
}

/** How many runs a question finds. */
export const total = (ask: Ask, signal?: AbortSignal): Promise<RunPage> => searched(ask, "", 0, 0, signal);

/** These runs as they are now, whether or not they still fit the filter. */
export const useRunsById = (ids: readonly string[]) =>
  useQuery({
    queryKey: [...keys.runs, "by id", ids],
    queryFn: ({ signal }) => searched({ query: byIds(ids), freeText: "" }, "", 0, ids.length, signal),
    enabled: ids.length > 0,
    placeholderData: keepPreviousData,
  });

/** Names of the definitions, for suggestions: not there is no failure. */
export const useWorkflowNames = () =>
  useQuery({
    queryKey: [...keys.definitions, "names"],
    queryFn: () => answer(client.GET("/api/metadata/workflow/names")),
    staleTime: 60_000,
  });

/** Registers a definition, or renews it, and starts it: answers with the id of the run. */
export async function registerAndStart(definition: { name: string }, input: unknown): Promise<string> {
  const body = { headers: { "content-type": "application/json" } };
  await fetchJson("/api/metadata/workflow", { ...body, method: "PUT", body: JSON.stringify([definition]) });
  return fetchJson<string>(`/api/workflow/${encodeURIComponent(definition.name)}`, {
    ...body,
    method: "POST",
    body: JSON.stringify(input),
  });
}
