/** What is selected on the page of a run: one selection for all of its views, and it is in the address. */
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import type { Folds } from "../../model/folds";
import { foldsOf, foldsParameters, openedOf, openedParameters, ROWS, type Opened } from "../../model/foldsAddress";
import { links, type RunView } from "../../model/links";

export const RUN_VIEWS: readonly { view: RunView; title: string; keys: string }[] = [
  { view: "diagram", title: "Diagram", keys: "1" },
  { view: "timeline", title: "Timeline", keys: "2" },
  { view: "tasks", title: "Tasks", keys: "3" },
  { view: "json", title: "JSON", keys: "4" },
  { view: "account", title: "Account", keys: "5" },
];

export const PANES = ["data", "template", "compare", "log"] as const;
export type Pane = (typeof PANES)[number];

export interface Selection {
  view: RunView;
  /** Reference name; absent: the run itself. */
  task: string | undefined;
  /** Task id of one attempt; absent: the latest. */
  attempt: string | undefined;
  pane: Pane;
  /** The stretch of the timeline that is shown, `from-to` in milliseconds. */
  zoom: string | undefined;
  /** The child run, opened in place, that the task belongs to; absent: the run of the page. */
  run: string | undefined;
  /** Text that the tasks of the list have. */
  find: string | undefined;
  /** Status that the tasks of the list have. */
  status: string | undefined;
  /** Column of the list, with `-` before it downwards; absent: as it happened, by iterations. */
  sort: string | undefined;
  /** What of the diagram is folded, and which iterations it shows. */
  folds: Folds;
  /** What of the rows of timeline and list is folded. */
  rows: Opened;
}

/** A change of the selection; `undefined` takes away. */
export type Change = Partial<Selection>;

export function useSelection(): [Selection, (change: Change) => void] {
  const [query] = useSearchParams();
  const { workflowId = "" } = useParams();
  const navigate = useNavigate();
  const selection = useMemo<Selection>(() => {
    const view = query.get("view");
    const pane = query.get("pane");
    return {
      view: RUN_VIEWS.find((each) => each.view === view)?.view ?? "diagram",
      task: query.get("task") ?? undefined,
      attempt: query.get("attempt") ?? undefined,
      pane: PANES.find((each) => each === pane) ?? "data",
      zoom: query.get("zoom") ?? undefined,
      run: query.get("run") ?? undefined,
      find: query.get("find") ?? undefined,
      status: query.get("status") ?? undefined,
      sort: query.get("sort") ?? undefined,
      folds: foldsOf(query),
      rows: openedOf(query, ROWS),
    };
  }, [query]);
  // two changes before the page is drawn again are both kept
  const latest = useRef(selection);
  useEffect(() => {
    latest.current = selection;
  }, [selection]);
  const change = useCallback(
    (wanted: Change) => {
      const before = latest.current;
      const next = { ...before, ...wanted };
      latest.current = next;
      // what is the usual stays out of the address; only another view is a step back
      const { view, pane, folds, rows, ...rest } = next;
      const address = links.run(
        workflowId,
        {
          view: view === "diagram" ? "" : view,
          pane: pane === "data" ? "" : pane,
          ...rest,
        },
        { ...foldsParameters(folds), ...openedParameters(rows, ROWS) },
      );
      void navigate(address, { replace: next.view === before.view, preventScrollReset: true });
    },
    [workflowId, navigate],
  );
  return [selection, change];
}
