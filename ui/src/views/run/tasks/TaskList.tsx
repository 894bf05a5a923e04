import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useId, useMemo, useRef, useState } from "react";
import type { Branch, Shown } from "../../../model/outline";
import type { Overview, TaskRow } from "../../../model/run";
import { runStatus } from "../../../model/status";
import { narrowed, plain, sortOf } from "../../../model/tasks";
import { useListKeys } from "../../../widgets/activeList";
import { EmptyState } from "../../../widgets/EmptyState";
import { useNow } from "../../../widgets/Time";
import { useOutline, type Folds } from "../outline";
import { useSelect, type Select } from "../select";
import type { Change, Selection } from "../selection";
import { TaskFilter } from "./TaskFilter";
import { COLUMNS, TaskLine } from "./TaskLine";
import "./tasks.css";

interface Props {
  overview: Overview;
  folds: Folds;
  selection: Selection;
  select: Select;
  onChange: (change: Change) => void;
}

const ROW = 32;
const HEAD = 32;

/** All tasks: as they happened, loops by iteration and child runs in place; narrowed or sorted, each attempt on a line of its own. */
export function TaskList({ overview, folds, selection, select, onChange }: Props) {
  const now = useNow();
  const ended = runStatus(overview.workflow.status).ended;
  const present = ended ? (overview.workflow.endTime ?? now) : now;
  const { rows: tree, notes } = useOutline(overview, folds, selection.task);
  const { find, status, sort } = selection;
  // sorted by a living duration the order would change each second under the mouse
  const [sortedAt, setSortedAt] = useState(present);
  const rows = useMemo(
    () => (plain({ find, status, sort }) ? tree : narrowed(overview.tasks, { find, status, sort }, sortedAt).map((row) => flat(row, overview))),
    [tree, overview, find, status, sort, sortedAt],
  );
  const sorted = useCallback(
    (next: string | undefined) => {
      setSortedAt(Date.now());
      onChange({ sort: next });
    },
    [onChange],
  );
  return (
    <div className="tasks">
      <TaskFilter overview={overview} selection={selection} found={rows.length} onChange={onChange} />
      {overview.tasks.length === 0 ? (
        <EmptyState title="No task has been scheduled yet">The first one appears here by itself.</EmptyState>
      ) : rows.length === 0 ? (
        <EmptyState
          title="No task is like that"
          action={
            <button type="button" className="button" onClick={() => onChange({ find: undefined, status: undefined })}>
              Show all tasks
            </button>
          }
        >
          {overview.tasks.length} tasks are hidden by the filter.
        </EmptyState>
      ) : (
        <Rows rows={rows} notes={notes} present={present} sort={sort} onSort={sorted} folds={folds} selection={selection} select={select} begin={overview.workflow.startTime} />
      )}
    </div>
  );
}

/** One attempt as a line without a place in the tree. */
const flat = (row: TaskRow, overview: Overview): Shown => ({
  branch: {
    key: row.taskId,
    kind: "task",
    runId: overview.workflow.workflowId,
    own: true,
    label: row.referenceTaskName,
    reference: row.referenceTaskName,
    attempts: [row],
    children: [],
    childRun: null,
  },
  depth: 0,
  open: undefined,
  position: 0,
  siblings: 0,
});

interface RowsProps extends Pick<Props, "folds" | "selection" | "select"> {
  rows: readonly Shown[];
  notes: ReadonlyMap<string, string>;
  present: number;
  begin: number;
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
}

function Rows({ rows, notes, present, begin, sort, onSort, folds, selection, select }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const { current, choose } = useSelect(selection, select);
  const isFlat = rows[0]?.siblings === 0;
  const pick = useCallback((branch: Branch) => choose(branch, isFlat ? branch.key : undefined), [choose, isFlat]);
  const chosen = rows.findIndex(({ branch }) => branch.key === current || (isFlat && branch.key === selection.attempt));
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12, scrollPaddingStart: HEAD });
  const show = useRef(virtual.scrollToIndex);
  useEffect(() => {
    if (chosen >= 0) show.current(chosen, { align: "auto" });
  }, [chosen]);
  const keys = useListKeys({
    count: rows.length,
    active: chosen,
    onActive: (at) => {
      const row = rows[at];
      if (row) pick(row.branch);
    },
    scrollTo: (at) => virtual.scrollToIndex(at),
    onOpen: (at) => {
      const row = rows[at];
      if (row?.open !== undefined) folds.fold([row.branch], !row.open);
    },
    onFold: (at, wanted) => {
      const row = rows[at];
      if (!row) return;
      if (row.open !== undefined && row.open !== wanted) folds.fold([row.branch], wanted);
      else if (!wanted) {
        const parent = rows.findLast((each, i) => i < at && each.depth < row.depth);
        if (parent) pick(parent.branch);
      }
    },
  });
  const now = sortOf(sort);
  return (
    <div
      ref={scroller}
      className="tasks-grid"
      role="treegrid"
      aria-label="Tasks of the run"
      aria-rowcount={rows.length + 1}
      aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
      tabIndex={0}
      onKeyDown={keys}
    >
      <div role="row" className="tasks-row tasks-head" aria-rowindex={1}>
        {COLUMNS.map((column) => (
          <div
            key={column.title}
            role="columnheader"
            className={column.className}
            aria-sort={column.sort && now?.by === column.sort ? (now.down ? "descending" : "ascending") : undefined}
          >
            {column.sort ? (
              <button
                type="button"
                className="tasks-sort"
                onClick={() => onSort(now?.by === column.sort ? (now?.down ? undefined : `-${column.sort}`) : column.sort)}
              >
                {column.title}
                <span aria-hidden="true">{now?.by === column.sort ? (now.down ? " ↓" : " ↑") : ""}</span>
              </button>
            ) : (
              column.title
            )}
          </div>
        ))}
      </div>
      <div role="rowgroup" className="tasks-all" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return (
            row && (
              <TaskLine
                key={row.branch.key}
                id={`${id}-${item.index}`}
                row={row}
                index={item.index + 2}
                top={item.start}
                present={present}
                begin={begin}
                selected={item.index === chosen}
                note={notes.get(row.branch.key)}
                onSelect={pick}
                onFold={folds.fold}
              />
            )
          );
        })}
      </div>
    </div>
  );
}
