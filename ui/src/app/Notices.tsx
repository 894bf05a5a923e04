/** What concerns every page: workflows that failed and can be taken up again, and a server that does not answer. */
import { useQueryClient } from "@tanstack/react-query";
import { useState, useSyncExternalStore } from "react";
import { Link } from "react-router";
import { ApiFailure } from "../api/client";
import { useTakeUp } from "../api/queries/retry";
import { usePipelineNews } from "../api/socket";
import { links } from "../model/links";
import type { Offer } from "../model/news";
import { words } from "../widgets/ErrorState";
import { Time } from "../widgets/Time";
import { useToast } from "../widgets/Toast";

export function Notices() {
  return (
    <div>
      <Away />
      <Offers />
    </div>
  );
}

/** The time of the oldest look that has not been answered since; 0 while the server answers. */
function useAwaySince(): number {
  const queries = useQueryClient();
  const cache = queries.getQueryCache();
  return useSyncExternalStore(
    (listener) => cache.subscribe(listener),
    () => {
      const all = cache.getAll().filter((query) => query.getObserversCount() > 0);
      const lost = all.filter(({ state }) => {
        const failure = state.fetchFailureReason ?? state.error;
        return failure instanceof ApiFailure && failure.status === 0 && failure.from === location.origin;
      });
      return lost.length === 0 ? 0 : Math.min(...lost.map(({ state }) => state.dataUpdatedAt || state.errorUpdatedAt || Date.now()));
    },
  );
}

function Away() {
  const since = useAwaySince();
  if (since === 0) return null;
  return (
    <p className="banner warn" role="status">
      <span>
        The server does not answer. The pages show what was known <Time at={since} />, and ask again by themselves.
      </span>
    </p>
  );
}

function Offers() {
  const { news } = usePipelineNews();
  const [hidden, hide] = useState<ReadonlySet<Offer>>(new Set());
  const offers = [...news.offers.values()].reverse().filter((offer) => !hidden.has(offer));
  const [first] = offers;
  if (!first) return null;
  return (
    <OfferBanner
      key={first.workflow_id}
      offer={first}
      more={offers.length - 1}
      name={news.workflows.get(first.workflow_id)?.name}
      onHide={() => hide(new Set([...hidden, first]))}
    />
  );
}

function OfferBanner({ offer, name, more, onHide }: { offer: Offer; name: string | undefined; more: number; onHide: () => void }) {
  const takeUp = useTakeUp();
  const toast = useToast();
  const from = offer.payload["reRunFromTaskRefName"];
  const task = typeof from === "string" ? from : undefined;
  const retry = () =>
    takeUp.mutate(offer, {
      onSuccess: () => toast({ text: `${name ?? "The workflow"} goes on${task ? ` from ${task}` : ""}.` }),
      onError: (error) => toast({ text: `The workflow could not be taken up: ${words(error)}`, bad: true }),
    });
  return (
    <section className="banner bad" aria-label="Failed workflow" role="alert">
      <span className="grow">
        <strong>{name ?? "A workflow"} failed</strong>
        {task && (
          <>
            {" "}
            and can go on from <code>{task}</code>
          </>
        )}
        . <Link to={links.run(offer.workflow_id, { task })}>See the run</Link>
        {more > 0 && <span className="soft"> {more} more failed.</span>}
      </span>
      <button type="button" className="button main" onClick={retry} disabled={takeUp.isPending}>
        {takeUp.isPending ? "Retrying …" : task ? `Retry from ${task}` : "Retry the workflow"}
      </button>
      <button type="button" className="button quiet" onClick={onHide}>
        Not now
      </button>
    </section>
  );
}
