/** One verb on many runs. The server keeps the list and works through it; here it is begun, watched and stopped. */
import { useQuery } from "@tanstack/react-query";
import { asks, CAP, IDS_IN_ADDRESS, narrowed, sum, type BulkChoices, type BulkOperation, type BulkVerb, type Counts, type Scope } from "../../model/bulk";
import type { Ask } from "../../model/search";
import { NAMES } from "../../model/status";
import { answer, client, fetchJson, type Schemas } from "../client";
import { keys } from "../keys";
import { counted } from "./runs";

export type BulkResult = Schemas["BulkOperationResult"];

const METHODS: Readonly<Record<BulkVerb, string>> = {
  retry: "POST",
  restart: "POST",
  pause: "PUT",
  resume: "PUT",
  terminate: "POST",
  remove: "DELETE",
};
/** How often a list that is being worked through is looked at. */
const LOOK_EVERY = 700;

/** How many runs a scope has of each status, now. */
export async function countScope(scope: Scope, signal: AbortSignal): Promise<{ counts: Counts; exact: boolean }> {
  const parts = await Promise.all(asks(scope, IDS_IN_ADDRESS).map((ask) => counted(ask, signal)));
  return { counts: sum(parts.map((part) => part.counts)), exact: parts.every((part) => part.relation === "eq") };
}

function parameters(verb: BulkVerb, choices: BulkChoices): string {
  const query = new URLSearchParams();
  if (verb === "terminate" && choices.reason.trim() !== "") query.set("reason", choices.reason.trim());
  if (verb === "restart" && choices.latestDefinition) query.set("useLatestDefinitions", "true");
  if (verb === "remove") query.set("archiveWorkflow", String(choices.archive));
  return query.size > 0 ? `?${query.toString()}` : "";
}

const begin = (verb: BulkVerb, choices: BulkChoices, ask: Ask, cap: number, operationId: string): Promise<BulkOperation> =>
  fetchJson(`/api/workflow/bulk/${verb}${parameters(verb, choices)}`, {
    method: METHODS[verb],
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: ask.query, freeText: ask.freeText, cap, operationId }),
  });

/**
 * Begins it on no more runs than were counted. The name makes it the same operation if the request must be sent again; a selection that is too long
 * for one is begun as several.
 */
export async function beginBulk(verb: BulkVerb, choices: BulkChoices, scope: Scope, count: number, name: string): Promise<string[]> {
  const ids: string[] = [];
  for (const [i, ask] of asks(scope).entries()) {
    const begun = await begin(verb, choices, narrowed(verb, ask, choices), Math.min(CAP, Math.max(1, count)), `${name}-${i}`);
    ids.push(begun.operationId);
  }
  return ids;
}

const operation = (id: string, signal?: AbortSignal): Promise<BulkOperation> =>
  answer(client.GET("/api/workflow/bulk/operation/{operationId}", { params: { path: { operationId: id } }, ...(signal ? { signal } : {}) }));

/** How operations stand, until the last of them is over. */
export const useBulk = (ids: readonly string[]) =>
  useQuery({
    queryKey: [...keys.runs, "bulk", ids],
    queryFn: ({ signal }) => Promise.all(ids.map((id) => operation(id, signal))),
    enabled: ids.length > 0,
    refetchInterval: ({ state }) => (state.data?.every((each) => each.status !== NAMES.running) ? false : LOOK_EVERY),
  });

export const stopBulk = (ids: readonly string[]): Promise<unknown> =>
  Promise.all(
    ids.map((id) => answer(client.DELETE("/api/workflow/bulk/operation/{operationId}", { params: { path: { operationId: id } } }))),
  );

/** The first runs that were refused, with the reasons. `known` is how many there are: more of them ask again. */
export const useBulkRefusals = (ids: readonly string[], known: number, atMost: number) =>
  useQuery({
    queryKey: [...keys.runs, "bulk refusals", ids, known],
    queryFn: async ({ signal }) => {
      const rows: BulkResult[] = [];
      for (const id of ids) {
        const size = atMost - rows.length;
        if (size <= 0) break;
        const page = await answer(
          client.GET("/api/workflow/bulk/operation/{operationId}/results", {
            params: { path: { operationId: id }, query: { status: "FAILED", size } },
            signal,
          }),
        );
        rows.push(...page.results);
      }
      return rows;
    },
    enabled: known > 0,
  });

/** Operations of the last month, newest first. */
export const useBulkOperations = (enabled: boolean) =>
  useQuery({
    queryKey: [...keys.runs, "bulk operations"],
    queryFn: ({ signal }) => answer(client.GET("/api/workflow/bulk/operation", { params: { query: { size: 50 } }, signal })),
    enabled,
  });
