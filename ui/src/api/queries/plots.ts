/** Figures over time. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { answer, client, type Schemas } from "../client";
import { keys } from "../keys";

export type Plot = Schemas["WorkflowPlot"];

/** Runs that began in the last `window` milliseconds, in `buckets` equal parts. */
export function usePlot(window: number, workflowType: string, buckets = 60) {
  return useQuery({
    queryKey: keys.plots(window, workflowType, buckets),
    queryFn: ({ signal }) => {
      const to = Date.now();
      const query = { from: to - window, to, buckets, ...(workflowType ? { workflowType } : {}) };
      return answer<Plot>(client.GET("/api/podium/workflows/plot", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: Math.max(5_000, window / 200),
  });
}
