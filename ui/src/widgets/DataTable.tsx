import { getCoreRowModel, useReactTable, type ColumnDef } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  memo,
  useCallback,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type Ref,
} from "react";
import "./DataTable.css";

export interface Column<Row> {
  id: string;
  title: string;
  cell: (row: Row) => ReactNode;
  /** Pixels at first; the viewer may drag it. */
  width?: number;
  numeric?: boolean;
  /** May be sorted by. */
  sorts?: boolean;
}
export interface TableSort {
  column: string;
  descending: boolean;
}
/** What keys elsewhere on the page may do to the table. */
export interface DataTableHandle {
  move: (by: number) => void;
  open: () => void;
  toggle: () => void;
  toTop: () => void;
}

interface Props<Row> {
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  rowId: (row: Row) => string;
  /** Enter, or a double click, on a row. */
  onOpen?: (row: Row) => void;
  selection?: ReadonlySet<string>;
  onSelectionChange?: (selection: ReadonlySet<string>) => void;
  sort?: TableSort;
  onSort?: (sort: TableSort) => void;
  label: string;
  /** Shown in the place of rows when there are none. */
  empty?: ReactNode;
  /** How many rows there are in all, if these are a page of them, and which is the first here (from 0). */
  total?: number;
  offset?: number;
  /** Told when the viewer is no longer at rest at the top: rows should then keep their places. */
  onBusy?: (busy: boolean) => void;
  handle?: Ref<DataTableHandle>;
}

/** 32-px rows, as `--row`. */
const ROW = 32;
const SELECT = 36;
const NO_ROWS: unknown[] = [];

/**
 * Rows by columns; only those in sight are drawn. Keys on it: arrows or j and k, Page Up and Down, Home, End, Enter opens, x selects, Ctrl+A
 * selects all; Shift+click selects up to there.
 */
export function DataTable<Row>(props: Props<Row>) {
  const { rows, columns, rowId, onOpen, selection, onSelectionChange, sort, onSort, label, empty, onBusy } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLTableElement>(null);
  const [currentId, setCurrentId] = useState<string>();
  const pivot = useRef<number>(undefined);
  const prefix = useId();
  const index = useMemo(() => new Map(rows.map((row, i) => [rowId(row), i])), [rows, rowId]);
  const current = currentId === undefined ? undefined : index.get(currentId);

  const definitions = useMemo<ColumnDef<Row>[]>(
    () =>
      columns.map((column) => ({
        id: column.id,
        header: column.title,
        size: column.width ?? 160,
        minSize: 60,
        maxSize: 1_200,
      })),
    [columns],
  );
  // it keeps the columns only: an object of its own for each of 10,000 rows would be built anew at each letter of a filter
  const table = useReactTable({ data: NO_ROWS as Row[], columns: definitions, getCoreRowModel: getCoreRowModel(), columnResizeMode: "onChange" });
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    // the sticky header hides what lies under it
    scrollPaddingStart: ROW,
    initialRect: { width: 1_000, height: 640 },
  });
  const shown = virtual.getVirtualItems();
  const before = shown[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0);

  const choose = useCallback(
    (to: number) => {
      const next = Math.max(0, Math.min(rows.length - 1, to));
      const row = rows[next];
      if (!row) return;
      setCurrentId(rowId(row));
      virtual.scrollToIndex(next);
    },
    [rows, rowId, virtual],
  );
  const toggle = useCallback(
    (at: number, upTo: boolean) => {
      if (!selection || !onSelectionChange) return;
      const row = rows[at];
      if (!row) return;
      const next = new Set(selection);
      const on = !selection.has(rowId(row));
      const from = upTo && pivot.current !== undefined ? pivot.current : at;
      for (let i = Math.min(from, at); i <= Math.max(from, at); i += 1) {
        const each = rows[i];
        if (!each) continue;
        if (on || upTo) next.add(rowId(each));
        else next.delete(rowId(each));
      }
      pivot.current = at;
      onSelectionChange(next);
    },
    [rows, rowId, selection, onSelectionChange],
  );
  const all = rows.length > 0 && selection !== undefined && rows.every((row) => selection.has(rowId(row)));
  const some = !all && selection !== undefined && rows.some((row) => selection.has(rowId(row)));
  const toggleAll = () => {
    const next = new Set(selection);
    for (const row of rows) {
      if (all) next.delete(rowId(row));
      else next.add(rowId(row));
    }
    onSelectionChange?.(next);
  };

  const open = (at: number | undefined) => {
    const row = at === undefined ? undefined : rows[at];
    if (row) onOpen?.(row);
  };
  useImperativeHandle(props.handle, () => ({
    move: (by) => {
      grid.current?.focus({ preventScroll: true });
      choose(current === undefined ? 0 : current + by);
    },
    open: () => open(current),
    toggle: () => current !== undefined && toggle(current, false),
    toTop: () => {
      setCurrentId(undefined);
      scroller.current?.scrollTo({ top: 0 });
    },
  }));

  const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 640) / ROW) - 2);
  const moves: Readonly<Record<string, () => void>> = {
    ArrowDown: () => choose(current === undefined ? 0 : current + 1),
    j: () => choose(current === undefined ? 0 : current + 1),
    ArrowUp: () => choose((current ?? 1) - 1),
    k: () => choose((current ?? 1) - 1),
    PageDown: () => choose((current ?? 0) + page),
    PageUp: () => choose((current ?? 0) - page),
    Home: () => choose(0),
    End: () => choose(rows.length - 1),
    x: () => current !== undefined && toggle(current, false),
    Enter: () => open(current),
    Escape: () => setCurrentId(undefined),
  };
  const pressed = (event: KeyboardEvent) => {
    // links, buttons and boxes inside have their own keys
    if (event.target !== event.currentTarget || event.altKey || event.metaKey) return;
    if (event.ctrlKey) {
      if (event.key !== "a" || !onSelectionChange) return;
      event.preventDefault();
      if (!all) toggleAll();
      return;
    }
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  };
  const clicked = (event: MouseEvent, at: number) => {
    if ((event.target as HTMLElement).closest("a, button, input, label")) return;
    const row = rows[at];
    if (!row) return;
    setCurrentId(rowId(row));
    if (event.shiftKey) toggle(at, true);
  };

  // rows get the same object all the time, so that a key press draws two of them again and not all
  const present = useRef({ clicked, toggle, open });
  useLayoutEffect(() => {
    present.current = { clicked, toggle, open };
  });
  const deeds = useMemo<Deeds>(
    () => ({
      click: (event, at) => present.current.clicked(event, at),
      toggle: (at, upTo) => present.current.toggle(at, upTo),
      open: (at) => present.current.open(at),
    }),
    [],
  );

  const rowDomId = (at: number) => `${prefix}row${at}`;
  const selects = selection !== undefined && onSelectionChange !== undefined;
  return (
    <div
      className="datatable"
      ref={scroller}
      onScroll={(event) => onBusy?.(event.currentTarget.scrollTop > ROW / 2)}
      // a scrolled area must be reachable; the grid inside takes the keys
      tabIndex={-1}
    >
      <table
        ref={grid}
        role="grid"
        aria-label={label}
        aria-rowcount={(props.total ?? rows.length) + 1}
        aria-multiselectable={selects || undefined}
        aria-activedescendant={current === undefined ? undefined : rowDomId(current)}
        tabIndex={0}
        onKeyDown={pressed}
        style={{ width: table.getTotalSize() + (selects ? SELECT : 0) }}
      >
        <colgroup>
          {selects && <col style={{ width: SELECT }} />}
          {table.getFlatHeaders().map((header) => (
            <col key={header.id} style={{ width: header.getSize() }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {selects && (
              <th scope="col">
                <input
                  type="checkbox"
                  aria-label="Select all rows shown here"
                  checked={all}
                  ref={(box) => {
                    if (box) box.indeterminate = some;
                  }}
                  onChange={toggleAll}
                />
              </th>
            )}
            {table.getFlatHeaders().map((header, i) => {
              const column = columns[i];
              const sorted = sort && column && sort.column === column.id ? (sort.descending ? "descending" : "ascending") : undefined;
              return (
                <th
                  key={header.id}
                  scope="col"
                  className={column?.numeric ? "number" : undefined}
                  aria-sort={column?.sorts && onSort ? (sorted ?? "none") : undefined}
                >
                  {column?.sorts && onSort ? (
                    <button
                      type="button"
                      className="datatable-sort"
                      onClick={() => onSort({ column: column.id, descending: sorted !== "descending" })}
                    >
                      {column.title}
                      <span aria-hidden="true">{sorted === "descending" ? " ↓" : sorted === "ascending" ? " ↑" : ""}</span>
                    </button>
                  ) : (
                    column?.title
                  )}
                  {/* dragging is a convenience for the pointer: what is cut is shown whole on hover and on its own page */}
                  <span
                    className="datatable-grip"
                    aria-hidden="true"
                    onMouseDown={header.getResizeHandler()}
                    onTouchStart={header.getResizeHandler()}
                  />
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <Gap height={before} />}
          {shown.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const id = rowId(row);
            return (
              <TableRow
                key={id}
                row={row}
                columns={columns}
                index={item.index}
                number={(props.offset ?? 0) + item.index + 1}
                domId={rowDomId(item.index)}
                current={current === item.index}
                chosen={selects ? (selection?.has(id) ?? false) : undefined}
                deeds={deeds}
              />
            );
          })}
          {after > 0 && <Gap height={after} />}
        </tbody>
      </table>
      {rows.length === 0 && empty}
    </div>
  );
}

interface Deeds {
  click: (event: MouseEvent, at: number) => void;
  toggle: (at: number, upTo: boolean) => void;
  open: (at: number) => void;
}
interface RowProps<Row> {
  row: Row;
  columns: readonly Column<Row>[];
  index: number;
  /** From 1, over all pages. */
  number: number;
  domId: string;
  current: boolean;
  /** Absent if rows are not selected here. */
  chosen: boolean | undefined;
  deeds: Deeds;
}

function PlainRow<Row>({ row, columns, index, number, domId, current, chosen, deeds }: RowProps<Row>) {
  return (
    <tr
      id={domId}
      aria-rowindex={number + 1}
      aria-selected={chosen}
      className={current ? "current" : undefined}
      onClick={(event) => deeds.click(event, index)}
      onDoubleClick={() => deeds.open(index)}
    >
      {chosen !== undefined && (
        <td>
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select row ${number}`}
            checked={chosen}
            onClick={(event) => deeds.toggle(index, event.shiftKey)}
            onChange={() => {}}
          />
        </td>
      )}
      {columns.map((column) => (
        <td key={column.id} className={column.numeric ? "number cut" : "cut"}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}
const TableRow = memo(PlainRow) as typeof PlainRow;

/** Stands for the rows that are not drawn. */
function Gap({ height }: { height: number }) {
  return (
    <tr aria-hidden="true" className="datatable-gap">
      <td style={{ height }} />
    </tr>
  );
}
