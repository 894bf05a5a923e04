import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useId, useLayoutEffect, useRef, useState, type CSSProperties, type KeyboardEvent } from "react";
import { Link } from "react-router";
import { duration } from "../model/duration";
import { cellStatus, cellText, columnText, longestMs, moved, streak, within, type Grid, type GridColumn, type GridRow, type Position } from "../model/grid";
import { links } from "../model/links";
import { StatusShape } from "./StatusMark";
import { Time } from "./Time";
import "./RunGrid.css";

interface Props {
  grid: Grid;
  label: string;
  /** Enter: opens a run, with a task of it selected unless the run itself was meant. */
  onOpen: (workflowId: string, task?: string) => void;
}

/** As in RunGrid.css. */
const HEAD = 84;
const ROW = 28;
const COLUMN = 30;
const NAME = 230;

/**
 * Runs as columns, the newest last, and tasks as rows; only what is in sight is drawn, in both directions. Arrow keys, Home, End and Page
 * keys move, Enter opens. What is pointed at or stood on is said in words below.
 */
export function RunGrid({ grid, label, onOpen }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const size = { rows: grid.rows.length, columns: grid.columns.length };
  const [chosen, setChosen] = useState<Position>({ row: -1, column: Infinity });
  const [pointed, setPointed] = useState<Position>();
  const [focused, setFocused] = useState(false);
  const at = within(chosen, size);
  const seen = pointed ?? (focused ? at : undefined);

  const rows = useVirtualizer({
    count: size.rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    paddingStart: HEAD,
    scrollPaddingStart: HEAD,
    overscan: 4,
    initialRect: { width: 1_000, height: 600 },
  });
  const columns = useVirtualizer({
    horizontal: true,
    count: size.columns,
    getScrollElement: () => scroller.current,
    estimateSize: () => COLUMN,
    paddingStart: NAME,
    scrollPaddingStart: NAME,
    overscan: 4,
    initialRect: { width: 1_000, height: 600 },
  });
  // the newest runs are what people come for; where they are out of sight, the grid begins there
  useLayoutEffect(() => {
    const area = scroller.current;
    if (area) area.scrollLeft = area.scrollWidth;
  }, []);
  const shown = columns.getVirtualItems();

  const cellId = (position: Position) => `${prefix}r${position.row}c${position.column}`;
  const pressed = (event: KeyboardEvent) => {
    if (event.altKey || event.metaKey) return;
    if (event.key === "Enter") {
      event.preventDefault();
      const column = grid.columns[at.column];
      if (column) onOpen(column.workflowId, grid.rows[at.row]?.task);
      return;
    }
    const page = Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 400) - HEAD) / ROW) - 1);
    const to = moved(at, event.key, event.ctrlKey, size, page);
    if (!to) return;
    event.preventDefault();
    setPointed(undefined);
    setChosen(to);
    if (to.row >= 0) rows.scrollToIndex(to.row);
    else scroller.current?.scrollTo({ top: 0 });
    columns.scrollToIndex(to.column);
  };
  const state = (position: Position) =>
    [
      "rungrid-cell",
      seen && (seen.row === position.row || seen.column === position.column) ? "crossed" : "",
      focused && at.row === position.row && at.column === position.column ? "current" : "",
      grid.columns[position.column]?.newVersion ? "version" : "",
    ].join(" ");

  return (
    <div className="rungrid">
      <div
        ref={scroller}
        className="rungrid-scroll"
        role="grid"
        aria-label={label}
        aria-rowcount={size.rows + 1}
        aria-colcount={size.columns + 1}
        aria-activedescendant={focused && size.columns > 0 ? cellId(at) : undefined}
        tabIndex={0}
        onKeyDown={pressed}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        onMouseLeave={() => setPointed(undefined)}
      >
        <div role="presentation" className="rungrid-body" style={{ height: rows.getTotalSize(), width: columns.getTotalSize() }}>
          <div role="row" aria-rowindex={1} className="rungrid-head">
            <div role="columnheader" aria-colindex={1} className="rungrid-name soft">
              {grid.columns.length > 0 && `a full bar is ${duration(longestMs(grid.columns))}`}
            </div>
            {shown.map((item) => {
              const column = grid.columns[item.index];
              const position = { row: -1, column: item.index };
              return (
                column && (
                  <div
                    key={column.workflowId}
                    id={cellId(position)}
                    role="columnheader"
                    tabIndex={-1}
                    aria-colindex={item.index + 2}
                    className={state(position)}
                    style={{ left: item.start }}
                    onMouseEnter={() => setPointed(position)}
                  >
                    <Bar column={column} />
                  </div>
                )
              );
            })}
          </div>
          {rows.getVirtualItems().map((item) => {
            const row = grid.rows[item.index];
            return (
              row && (
                <div key={item.key} role="row" aria-rowindex={item.index + 2} className="rungrid-row" style={{ top: item.start }}>
                  <div role="rowheader" aria-colindex={1} className={`rungrid-name ${seen?.row === item.index ? "crossed" : ""}`}>
                    <span className="cut mono" title={`${row.task} (${row.type})`}>
                      {row.task}
                    </span>
                    <Failing row={row} />
                  </div>
                  {shown.map((across) => {
                    const column = grid.columns[across.index];
                    const position = { row: item.index, column: across.index };
                    return (
                      column && (
                        <div
                          key={column.workflowId}
                          id={cellId(position)}
                          role="gridcell"
                          tabIndex={-1}
                          aria-colindex={across.index + 2}
                          className={state(position)}
                          style={{ left: across.start }}
                          onMouseEnter={() => setPointed(position)}
                        >
                          <Mark row={row} column={column} at={across.index} />
                        </div>
                      )
                    );
                  })}
                </div>
              )
            );
          })}
        </div>
      </div>
      <p className="rungrid-words soft">{seen ? <Words grid={grid} at={seen} /> : "Point at a cell, or go through the grid with the arrow keys; Enter opens the run."}</p>
    </div>
  );
}

/** A run: how long it took, its status, and its version where one begins. */
const Bar = memo(function Bar({ column }: { column: GridColumn }) {
  return (
    <Link to={links.run(column.workflowId)} tabIndex={-1} className="rungrid-run" aria-label={`Run: ${columnText(column)}`}>
      {column.newVersion && <span className="rungrid-version">v{column.version}</span>}
      <span className="rungrid-room">
        <span className={`rungrid-bar tone-${column.status.tone}`} style={{ "--height": column.height } as CSSProperties} />
      </span>
      <StatusShape status={column.status} />
    </Link>
  );
});

/** Memoised: the crosshair moves through thousands of them. */
const Mark = memo(function Mark({ row, column, at }: { row: GridRow; column: GridColumn; at: number }) {
  const cell = row.cells[at] ?? null;
  const text = cellText(row, at);
  if (cell === null) return <span className="rungrid-none" role="img" aria-label={text} />;
  const status = cellStatus(cell);
  return (
    <Link to={links.run(column.workflowId, { task: row.task })} tabIndex={-1} className={`rungrid-mark tone-${status.tone}`} aria-label={text}>
      <StatusShape status={status} size={14} />
      {cell[2] > 1 && <span className="rungrid-attempts">{cell[2]}</span>}
    </Link>
  );
});

function Failing({ row }: { row: GridRow }) {
  const text = streak(row);
  return text ? (
    <span className="tone-bad rungrid-streak" title={text}>
      {text.replace("failed in the ", "").replace("runs", "").replace("run", "")}
      <span className="unseen">{text}</span>
    </span>
  ) : null;
}

function Words({ grid, at }: { grid: Grid; at: Position }) {
  const column = grid.columns[at.column];
  const row = grid.rows[at.row];
  if (!column) return null;
  return (
    <>
      {row && <strong>{cellText(row, at.column)} · </strong>}
      {columnText(column)} · started <Time at={column.startTime} /> · <code>{column.workflowId}</code>
    </>
  );
}
