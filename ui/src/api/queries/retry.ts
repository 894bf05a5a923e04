/** The documented retry: the ingestion service takes up a failed workflow where its offer says. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Offer } from "../../model/news";
import { askIngestion } from "../ingestion";
import { keys } from "../keys";

export function useTakeUp() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (offer: Offer) =>
      askIngestion<{ message?: string }>("/retry-workflow", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ rerun_url: offer.retry_url, payload: offer.payload }),
      }),
    onSuccess: async (_, offer) => {
      await queries.invalidateQueries({ queryKey: keys.run(offer.workflow_id) });
      await queries.invalidateQueries({ queryKey: keys.runs });
    },
  });
}
