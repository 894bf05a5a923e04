import { useQuery } from "@tanstack/react-query";
import { total } from "../../api/queries/runs";
import { keys } from "../../api/keys";
import { describe, type Filter } from "../../model/query";
import { ask, describeWindow, type Window } from "../../model/search";
import { EmptyState } from "../../widgets/EmptyState";
import { Loading } from "../../widgets/Loading";
import type { Address, Change } from "./address";
import { FirstRun } from "./FirstRun";

/** So many filters are tried, each in a search of its own. */
const TRIED_AT_MOST = 8;

/** A filter less, and what to call it. */
export interface Less {
  says: string;
  filter: Filter;
  window: Window;
}

/** Each way to leave out one of what the list asks for. */
export function oneLess({ filter, window }: Pick<Address, "filter" | "window">): readonly Less[] {
  return [
    ...(window.kind === "all" ? [] : [{ says: `Time: ${describeWindow(window)}`, filter, window: { kind: "all" } as const }]),
    ...filter.clauses.map((gone) => ({
      says: describe(gone),
      filter: { ...filter, clauses: filter.clauses.filter((each) => each !== gone) },
      window,
    })),
    ...(filter.words === "" ? [] : [{ says: `Text: ${filter.words}`, filter: { ...filter, words: "" }, window }]),
  ].slice(0, TRIED_AT_MOST);
}

/** Nothing fits: which filter excludes everything, and a button that leaves it out. */
export function NoMatch({ address, change }: { address: Address; change: (what: Change) => void }) {
  const tried = useQuery({
    queryKey: keys.runList({ noMatch: address.key }),
    queryFn: async ({ signal }) => {
      const now = Date.now();
      const found = await Promise.all(
        oneLess(address).map(async (less) => ({ less, hits: (await total(ask(less.filter, less.window, now), signal)).total })),
      );
      const ever = (await total({ query: "", freeText: "" }, signal)).total;
      return { found, ever };
    },
  });
  if (tried.isPending) return <Loading what="what the filters exclude" />;
  if (tried.data?.ever === 0) return <FirstRun />;
  const helpful = tried.data?.found.filter(({ hits }) => hits > 0) ?? [];
  return (
    <EmptyState
      title="No run fits these filters"
      action={
        <>
          {helpful.map(({ less, hits }) => (
            <button
              key={less.says}
              type="button"
              className="button"
              onClick={() => change({ filter: less.filter, window: less.window })}
            >
              Leave out “{less.says}” (then {hits.toLocaleString("en")} {hits === 1 ? "fits" : "fit"})
            </button>
          ))}
          <button
            type="button"
            className="button"
            onClick={() => change({ filter: { clauses: [], words: "" }, window: { kind: "all" } })}
          >
            Clear all filters and show all times
          </button>
        </>
      }
    >
      {helpful.length > 0
        ? "Each of these alone excludes everything:"
        : "No single filter excludes everything: it takes two or more of them together."}
    </EmptyState>
  );
}
