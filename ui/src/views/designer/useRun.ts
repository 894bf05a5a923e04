import { useMemo } from "react";
import { keys } from "../../api/keys";
import { liveUrl, useLive } from "../../api/live";
import { useOverviews } from "../../api/queries/run";
import { useIngestion, usePipelineNews } from "../../api/socket";
import { nodeOfOffer, nodeOfStatistics, nodeStatuses } from "../../model/designer/deploy";
import type { Graph } from "../../model/designer/document";
import type { NodeMap } from "../../model/designer/problems";
import type { Offer, Statistics } from "../../model/news";
import { runStatus, type Status } from "../../model/status";

export interface WatchedRun {
  id: string;
  status?: Status;
  reason?: string;
  /** By node. */
  statuses: ReadonlyMap<string, Status>;
  offer?: Offer;
  /** The node from which the offer goes on. */
  offerNode?: string;
  statistics: readonly Statistics[];
  statisticsOf: ReadonlyMap<string, Statistics>;
  /** By the socket of the ingestion service, else by the engine itself. */
  by: "socket" | "engine";
}

/** The run that is watched on the drawing: by the ingestion service's socket, and while that is away by the engine. */
export function useRun(id: string, graph: Graph, made: NodeMap): WatchedRun | undefined {
  const told = usePipelineNews(id === "" ? undefined : id);
  const state = told.news.workflows.get(id);
  const bySocket = told.state === "live" && state !== undefined;
  const base = useIngestion();
  const own = id !== "" && !bySocket && (base === null || told.state === "polling");
  const [overview] = useOverviews(own ? [id] : []);
  useLive(own ? liveUrl(id) : null, ["run"], [keys.run(id)]);
  const seen = overview?.data;
  return useMemo(() => {
    if (id === "") return undefined;
    const tasks = bySocket ? state.nodes : (seen?.tasks ?? []).map((row) => ({ reference: row.referenceTaskName, status: row.status }));
    const status = bySocket ? state.status : seen?.workflow.status;
    const reason = bySocket ? state.reason : seen?.workflow.reasonForIncompletion;
    const offer = told.news.offers.get(id);
    const offerNode = nodeOfOffer(made, offer);
    const statistics = [...told.news.statistics.values()].filter((each) => each.workflow_id === id);
    const statisticsOf = new Map<string, Statistics>();
    for (const each of statistics) {
      const node = nodeOfStatistics(graph, made, each);
      if (node !== undefined) statisticsOf.set(node, each);
    }
    return {
      id,
      statuses: nodeStatuses(made, tasks),
      statistics,
      statisticsOf,
      by: bySocket ? ("socket" as const) : ("engine" as const),
      ...(status ? { status: runStatus(status) } : {}),
      ...(reason ? { reason } : {}),
      ...(offer ? { offer } : {}),
      ...(offerNode === undefined ? {} : { offerNode }),
    };
  }, [id, graph, made, bySocket, state, seen, told.news]);
}
