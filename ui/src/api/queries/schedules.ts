/** What starts by the clock. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, client, fetchJson, type Schemas } from "../client";
import { keys } from "../keys";

export type Schedule = Schemas["WorkflowSchedule"];

/** All schedules, or those of one workflow. */
export function useSchedules(workflowName?: string) {
  return useQuery({
    queryKey: keys.schedules("list", workflowName ?? ""),
    queryFn: ({ signal }) =>
      answer(client.GET("/api/scheduler/schedules", { params: { query: workflowName === undefined ? {} : { workflowName } }, signal })),
    staleTime: 5_000,
    refetchInterval: 15_000,
  });
}

export interface Cron {
  cron: string;
  zone: string;
}

/** The next instants at which any of the expressions fires. */
export function useNextFires(crons: readonly Cron[], range: { from?: number | undefined; until?: number | undefined }, limit: number, enabled = true) {
  return useQuery({
    queryKey: keys.schedules("next", crons, range, limit),
    queryFn: async ({ signal }) => {
      const all = await Promise.all(
        crons.map(({ cron, zone }) => {
          const bounds = { ...(range.from ? { scheduleStartTime: range.from } : {}), ...(range.until ? { scheduleEndTime: range.until } : {}) };
          const query = { cronExpression: cron, zoneId: zone, limit, ...bounds };
          return answer(client.GET("/api/scheduler/nextFewSchedules", { params: { query }, signal }));
        }),
      );
      return [...new Set(all.flat())].sort((a, b) => a - b).slice(0, limit);
    },
    enabled: enabled && crons.length > 0,
    staleTime: 10_000,
    refetchInterval: 30_000,
  });
}

/** Saves a schedule; `body` is the whole of it as text, see `savedSchedule`. */
export function useSaveSchedule() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: string) =>
      fetchJson<Schedule>("/api/scheduler/schedules", { method: "POST", headers: { "Content-Type": "application/json" }, body }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.schedules("list") }),
  });
}

export type ScheduleVerb = "pause" | "resume" | "delete";

export function useScheduleVerb() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ name, verb, reason }: { name: string; verb: ScheduleVerb; reason?: string }) => {
      const path = { name };
      if (verb === "delete") return answer(client.DELETE("/api/scheduler/schedules/{name}", { params: { path } }));
      if (verb === "resume") return answer(client.PUT("/api/scheduler/schedules/{name}/resume", { params: { path } }));
      return answer(client.PUT("/api/scheduler/schedules/{name}/pause", { params: { path, query: reason ? { reason } : {} } }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.schedules("list") }),
  });
}
