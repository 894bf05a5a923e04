import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { useRunCounts, useRunList, useWorkflowNames } from "../../api/queries/runs";
import { ApiFailure } from "../../api/client";
import { keys } from "../../api/keys";
import { liveUrl, useLive } from "../../api/live";
import { useCommands, type Command } from "../../app/commands";
import { remember, remembered } from "../../app/preferences";
import { BULK_VERBS, verbName, type BulkVerb } from "../../model/bulk";
import { links } from "../../model/links";
import { describe, without } from "../../model/query";
import { ask, describeWindow, sortText } from "../../model/search";
import { DataTable, type DataTableHandle } from "../../widgets/DataTable";
import { FilterBar } from "../../widgets/FilterBar";
import { Loading } from "../../widgets/Loading";
import { useAddress } from "./address";
import { BulkBar } from "./BulkBar";
import type { BulkAsked } from "./BulkDialog";
import { ColumnMenu } from "./ColumnMenu";
import { COLUMNS, columnsKey, instant, keptColumns } from "./columns";
import { Foot } from "./Foot";
import { useHeld } from "./held";
import { NoMatch } from "./NoMatch";
import { Away, Failed } from "./Trouble";
import { ViewMenu } from "./ViewMenu";
import "./runs.css";

const BulkDialog = lazy(() => import("./BulkDialog").then((module) => ({ default: module.BulkDialog })));
const BulkOperations = lazy(() => import("./BulkOperations").then((module) => ({ default: module.BulkOperations })));

const NAMES: readonly string[] = [];
const LIVE = [keys.runs];

/** Home: all runs, filtered, live. */
export function RunsView() {
  const [address, change] = useAddress();
  return <Runs key={address.key} address={address} change={change} />;
}

/** One question; another one begins with nothing selected. */
function Runs({ address, change }: { address: ReturnType<typeof useAddress>[0]; change: ReturnType<typeof useAddress>[1] }) {
  const { filter, window, sort, page, size, asOf } = address;
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  const [scrolled, setScrolled] = useState(false);
  const [columnIds, setColumnIds] = useState(() => keptColumns(remembered(columnsKey)));
  const [bulk, setBulk] = useState<BulkAsked>();
  const [former, setFormer] = useState(false);
  const table = useRef<DataTableHandle>(null);
  const field = useRef<HTMLInputElement>(null);
  const navigate = useNavigate();
  const live = useLive(liveUrl(), ["runs"], LIVE);

  const list = useRunList({ key: `${address.key} ${asOf ?? ""}`, ask: address.ask, sort: sortText(sort), start: page * size, size });
  const counts = useRunCounts({
    key: JSON.stringify([address.key, "all statuses"]),
    ask: () => ask(without(filter, "status"), window, Date.now()),
  });
  const names = useWorkflowNames().data ?? NAMES;
  const pageKey = JSON.stringify([page, size, sort, asOf]);
  const fresh = list.isPlaceholderData ? undefined : list.data;
  const held = useHeld(pageKey, fresh, scrolled || selection.size > 0);
  const { rows } = held;
  const columns = useMemo(
    () => columnIds.flatMap((id) => COLUMNS.find((column) => column.id === id) ?? []),
    [columnIds],
  );
  const hits = list.data?.total ?? 0;
  const pages = Math.max(1, Math.ceil(hits / size));

  const act = useCallback(
    (verb: BulkVerb, whole: boolean) => {
      const now = Date.now();
      // what starts after the count is not counted, so it is not touched either
      const scope = whole ? { kind: "query" as const, ask: ask(filter, window, now, now) } : { kind: "ids" as const, ids: [...selection] };
      const filters = [describeWindow(window), ...filter.clauses.map(describe), ...(filter.words ? [`text: ${filter.words}`] : [])];
      setBulk({ verb, scope, says: whole ? `All runs of the list: ${filters.join("; ")}.` : "The runs that you selected." });
    },
    [filter, window, selection],
  );

  const commands = useMemo<Command[]>(() => {
    const newest = instant(rows[0]?.startTime);
    const turn = (to: number) => {
      table.current?.toTop();
      // later pages are of the list as it was when its first page was seen: what starts meanwhile does not push rows over
      change({ page: to, asOf: page === 0 && sort.column === "startTime" && sort.descending ? newest : asOf });
    };
    return [
      { id: "runs.filter", title: "Filter the runs", group: "Runs", keys: "/", run: () => field.current?.select() },
      { id: "runs.next", title: "Go to the next run", group: "Runs", keys: "j", run: () => table.current?.move(1) },
      { id: "runs.previous", title: "Go to the run before", group: "Runs", keys: "k", run: () => table.current?.move(-1) },
      { id: "runs.open", title: "Open the run", group: "Runs", keys: "Enter", run: () => table.current?.open() },
      { id: "runs.select", title: "Select the run", group: "Runs", keys: "x", run: () => table.current?.toggle() },
      {
        id: "runs.page.next",
        title: "Show the next page",
        group: "Runs",
        keys: "l",
        disabled: page + 1 < pages ? undefined : "this is the last page",
        run: () => turn(page + 1),
      },
      {
        id: "runs.page.previous",
        title: "Show the page before",
        group: "Runs",
        keys: "h",
        disabled: page > 0 ? undefined : "this is the first page",
        run: () => turn(page - 1),
      },
      ...BULK_VERBS.flatMap((verb) => [
        {
          id: `runs.bulk.${verb}`,
          title: `${verbName(verb)} the selected runs`,
          group: "Runs",
          disabled: selection.size > 0 ? undefined : "nothing is selected",
          run: () => act(verb, false),
        },
        {
          id: `runs.bulk.all.${verb}`,
          title: `${verbName(verb)} all runs that the filters find`,
          group: "Runs",
          disabled: hits > 0 ? undefined : "no run is found",
          run: () => act(verb, true),
        },
      ]),
      { id: "runs.bulk.former", title: "Show former operations on many runs", group: "Runs", run: () => setFormer(true) },
    ];
  }, [rows, page, pages, sort, asOf, change, selection.size, hits, act]);
  useCommands(commands);

  const failure = list.error ?? list.failureReason;
  // that there is no answer at all is said on every page
  const refused = failure instanceof ApiFailure && failure.status === 0 ? null : failure;
  return (
    <div className="page runs">
      <h1 className="unseen">Runs</h1>
      <FilterBar
        filter={filter}
        onFilter={(next) => change({ filter: next })}
        window={window}
        onWindow={(next) => change({ window: next })}
        counts={counts.data?.counts}
        atLeast={counts.data?.relation === "gte"}
        workflows={names}
        field={field}
      >
        <ColumnMenu
          chosen={columnIds}
          onChoose={(next) => {
            setColumnIds(next);
            remember(columnsKey, next.join(","));
          }}
        />
        <ViewMenu />
      </FilterBar>
      <BulkBar
        selected={selection.size}
        hits={hits}
        exact={list.data?.exact ?? true}
        onAct={act}
        onClear={() => setSelection(new Set())}
        onOperations={() => setFormer(true)}
      >
        {held.newer > 0 && (
          <button
            type="button"
            className="button main"
            onClick={() => {
              held.release();
              table.current?.toTop();
            }}
          >
            {held.newer}
            {held.newer === size ? "+" : ""} newer {held.newer === 1 ? "run" : "runs"}: show
          </button>
        )}
      </BulkBar>
      {refused && list.data && <Away error={refused} at={list.dataUpdatedAt} />}
      {list.isPending ? (
        <Loading what="the runs" />
      ) : list.error && !list.data ? (
        <Failed error={list.error} again={() => void list.refetch()} change={change} />
      ) : (
        <DataTable
          label="Runs"
          handle={table}
          rows={rows}
          columns={columns}
          rowId={rowId}
          onOpen={(row) => void navigate(links.run(row.workflowId))}
          selection={selection}
          onSelectionChange={setSelection}
          sort={sort}
          onSort={(next) => change({ sort: next })}
          onBusy={setScrolled}
          total={hits}
          offset={page * size}
          empty={list.isPlaceholderData ? <Loading what="the runs" /> : <NoMatch address={address} change={change} />}
        />
      )}
      <Foot
        list={list}
        live={live}
        page={page}
        pages={pages}
        size={size}
        commands={commands}
        onSize={(next) => change({ size: next })}
      />
      <Suspense fallback={null}>
        {bulk && <BulkDialog asked={bulk} onClose={() => setBulk(undefined)} onBegun={() => setSelection(new Set())} />}
        {former && <BulkOperations onClose={() => setFormer(false)} />}
      </Suspense>
    </div>
  );
}

const rowId = (row: { workflowId: string }) => row.workflowId;
