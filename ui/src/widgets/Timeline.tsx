import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useId, useRef, useState, type CSSProperties, type KeyboardEvent, type PointerEvent } from "react";
import { duration } from "../model/duration";
import { standing, type Branch, type Shown } from "../model/outline";
import { taskStatus } from "../model/status";
import { across, behind, extent, moved, segments, ticks, zoomed, type Scale, type Tick, type Window } from "../model/timeline";
import { useListKeys } from "./activeList";
import { StatusShape } from "./StatusMark";
import "./timeline.css";

interface Props {
  label: string;
  rows: readonly Shown[];
  line: Scale;
  /** The part of the line that is shown. */
  window: Window;
  onWindow: (window: Window) => void;
  /** The instant up to which living bars grow. */
  present: number;
  /** Draws the living edge. */
  live: boolean;
  /** Key of the selected branch. */
  selected: string | undefined;
  /** Task id of the selected attempt. */
  attempt: string | undefined;
  onSelect: (branch: Branch, taskId?: string) => void;
  onFold: (branch: Branch, open: boolean) => void;
  /** What is to be said of a branch, for instance that its child run is on its way. */
  notes: ReadonlyMap<string, string>;
}

const ROW = 32;

/** One bar per task: queued and executing apart, attempts one behind the other. Thousands of rows are no trouble: only those in sight are drawn. */
export function Timeline({ label, rows, line, window, onWindow, present, live, selected, attempt, onSelect, onFold, notes }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const chosen = rows.findIndex((row) => row.branch.key === selected);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    // the axis stands still above the rows
    scrollPaddingStart: AXIS,
  });
  // what is selected elsewhere comes into sight here
  const show = useRef(virtual.scrollToIndex);
  useEffect(() => {
    if (chosen >= 0) show.current(chosen, { align: "auto" });
  }, [chosen, selected]);
  const keys = useListKeys({
    count: rows.length,
    active: chosen,
    onActive: (at) => {
      const row = rows[at];
      if (row) onSelect(row.branch);
    },
    scrollTo: (at) => virtual.scrollToIndex(at),
    onOpen: (at) => {
      const row = rows[at];
      if (row?.open !== undefined) onFold(row.branch, !row.open);
    },
    onFold: (at, wanted) => {
      const row = rows[at];
      if (!row) return;
      if (row.open !== undefined && row.open !== wanted) onFold(row.branch, wanted);
      else if (!wanted) {
        const parent = rows.findLast((each, i) => i < at && each.depth < row.depth);
        if (parent) onSelect(parent.branch);
      }
    },
  });
  const zoom = (event: KeyboardEvent) => {
    const next: Record<string, () => Window> = {
      "+": () => zoomed(line, window, 0.5),
      "=": () => zoomed(line, window, 0.5),
      "-": () => zoomed(line, window, 2),
      "0": () => ({ from: line.from, to: line.to }),
      "<": () => moved(line, window, -0.25),
      ">": () => moved(line, window, 0.25),
    };
    const change = event.ctrlKey || event.metaKey ? undefined : next[event.key];
    if (!change) return keys(event);
    event.preventDefault();
    onWindow(change());
  };
  return (
    <div className="timeline" ref={scroller}>
      <Axis line={line} window={window} onWindow={onWindow} />
      <div
        role="tree"
        aria-label={label}
        aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
        tabIndex={0}
        className="timeline-rows"
        style={{ height: virtual.getTotalSize() }}
        onKeyDown={zoom}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return (
            row && (
              <Row
                key={row.branch.key}
                id={`${id}-${item.index}`}
                row={row}
                top={item.start}
                line={line}
                window={window}
                present={present}
                selected={item.index === chosen}
                attempt={item.index === chosen ? attempt : undefined}
                onSelect={onSelect}
                onFold={onFold}
                note={notes.get(row.branch.key)}
              />
            )
          );
        })}
        <div className="timeline-over" role="presentation">
          <Gaps line={line} window={window} />
        </div>
        {live && <Edge at={across(line, window, present)} />}
      </div>
    </div>
  );
}

const AXIS = 30;
/** A brush shorter than this part of the axis was a click. */
const BRUSH_LEAST = 0.005;
const TICKS = 9;

/** The times, and the place where a stretch is chosen by drawing over it. */
function Axis({ line, window, onWindow }: Pick<Props, "line" | "window" | "onWindow">) {
  const [brush, setBrush] = useState<{ from: number; to: number }>();
  const at = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  const end = () => {
    if (brush && Math.abs(brush.to - brush.from) > BRUSH_LEAST) {
      const [a, b] = [Math.min(brush.from, brush.to), Math.max(brush.from, brush.to)];
      onWindow({ from: behind(line, window, a), to: behind(line, window, b) });
    }
    setBrush(undefined);
  };
  return (
    <div className="timeline-head">
      <div className="timeline-name soft">Task</div>
      {/* keys + - 0 < > of the rows do the same */}
      <div
        className="timeline-axis"
        title="Draw over a stretch to zoom in; keys + and - zoom, < and > move, 0 shows all"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          const from = at(event);
          setBrush({ from, to: from });
        }}
        onPointerMove={(event) => brush && setBrush({ from: brush.from, to: at(event) })}
        onPointerUp={end}
        onPointerCancel={() => setBrush(undefined)}
      >
        {ticks(line, window, TICKS).map((tick) => (
          <span key={tick.time} className="timeline-tick" style={{ left: percent(tick.at) }}>
            {words(tick, line)}
          </span>
        ))}
        <Gaps line={line} window={window} />
        {brush && (
          <span
            className="timeline-brush"
            style={{ left: percent(Math.min(brush.from, brush.to)), width: percent(Math.abs(brush.to - brush.from)) }}
          />
        )}
      </div>
    </div>
  );
}

const percent = (fraction: number): string => `${(fraction * 100).toFixed(4)}%`;

/** Behind a gap times count from its end: `+3 d`, then `… +500 ms`. */
function words(tick: Tick, line: Scale): string {
  const whole = tick.since === line.from || tick.time === tick.since;
  const ms = tick.time - (whole ? line.from : tick.since);
  if (ms < 1) return "start";
  return `${whole ? "" : "… "}+${duration(ms).replace(".0 s", " s")}`;
}

/** Bands where idle time was taken out. */
function Gaps({ line, window }: Pick<Props, "line" | "window">) {
  return line.pieces.map((piece) => {
    if (!piece.gap) return null;
    const [a, b] = [across(line, window, piece.from), across(line, window, piece.to)];
    if (b < 0 || a > 1) return null;
    return (
      <span
        key={piece.from}
        className="timeline-gap"
        style={{ left: percent(Math.max(0, a)), width: percent(Math.min(1, b) - Math.max(0, a)) }}
        title={`${duration(piece.to - piece.from)} in which nobody worked`}
      />
    );
  });
}

function Edge({ at }: { at: number }) {
  if (at < 0 || at > 1) return null;
  return (
    <div className="timeline-over" role="presentation">
      <span className="timeline-edge" style={{ left: percent(at) }} />
    </div>
  );
}

interface RowProps extends Pick<Props, "line" | "window" | "present" | "attempt" | "onSelect" | "onFold"> {
  id: string;
  row: Shown;
  top: number;
  selected: boolean;
  note: string | undefined;
}

const Row = memo(function Row({ id, row, top, line, window, present, selected, attempt, onSelect, onFold, note }: RowProps) {
  const { branch } = row;
  const status = taskStatus(standing(branch));
  const whole = extent(branch, present);
  const lasted = whole ? duration(whole.to - whole.from) : "";
  const tries = branch.attempts.length > 1 ? `, ${branch.attempts.length} attempts` : "";
  return (
    // the tree has the keys (activedescendant)
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      id={id}
      role="treeitem"
      aria-level={row.depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-expanded={row.open}
      aria-selected={selected}
      aria-label={`${branch.label}, ${status.label}${tries}${lasted ? `, ${lasted}` : ""}${note ? `, ${note}` : ""}`}
      className="timeline-row"
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onSelect(branch)}
    >
      <div className="timeline-name" style={{ "--depth": row.depth } as CSSProperties}>
        {row.open === undefined ? (
          <span className="timeline-fold" />
        ) : (
          <button
            type="button"
            tabIndex={-1}
            className="timeline-fold"
            aria-label={`${row.open ? "Fold" : "Unfold"} ${branch.label}`}
            onClick={(event) => {
              event.stopPropagation();
              onFold(branch, !row.open);
            }}
          >
            {row.open ? "▾" : "▸"}
          </button>
        )}
        <StatusShape status={status} />
        <span className={`cut grow ${branch.kind === "task" ? "mono" : ""}`} title={branch.label}>
          {branch.label}
        </span>
        {note ? <span className="soft">{note}</span> : <span className="soft timeline-lasted">{lasted}</span>}
      </div>
      <div className="timeline-track">
        {branch.kind === "iteration" || branch.children.length > 0 ? <Span whole={whole} line={line} window={window} className={branch.kind === "iteration" ? `timeline-round tone-${status.tone}` : ""} /> : null}
        {branch.kind === "task" && <Bars row={row} line={line} window={window} present={present} attempt={attempt} onSelect={onSelect} />}
      </div>
    </div>
  );
});

/** Of a group: from the first to the last instant of what is in it. */
function Span({ whole, line, window, className }: Pick<Props, "line" | "window"> & { whole: ReturnType<typeof extent>; className: string }) {
  if (!whole) return null;
  const [a, b] = [across(line, window, whole.from), across(line, window, whole.to)];
  if (b < 0 || a > 1) return null;
  return <span className={`timeline-span ${className}`} style={{ left: percent(Math.max(0, a)), width: percent(Math.min(1, b) - Math.max(0, a)) }} />;
}

function Bars({ row, line, window, present, attempt, onSelect }: Pick<RowProps, "row" | "line" | "window" | "present" | "attempt" | "onSelect">) {
  const { branch } = row;
  const many = branch.attempts.length > 1;
  return segments(branch.attempts, present).map((segment) => {
    const [a, b] = [across(line, window, segment.from), across(line, window, segment.to)];
    if (b < 0 || a > 1) return null;
    const status = taskStatus(segment.row.status);
    const [left, right] = [Math.max(0, a), Math.min(1, b)];
    const name = many ? `Attempt ${segment.row.attempt + 1}: ` : "";
    const said = `${name}${segment.kind} ${duration(segment.to - segment.from)}${segment.live ? " so far" : ""}, ${status.label}${segment.row.workerId ? `, ${segment.row.workerId}` : ""}`;
    return (
      // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions
      <span
        key={`${segment.row.taskId}${segment.kind}`}
        className={`timeline-bar timeline-${segment.kind} tone-${status.tone} ${segment.row.taskId === attempt ? "timeline-chosen" : ""} ${segment.live ? "timeline-live" : ""}`}
        style={{ left: percent(left), width: percent(right - left) }}
        title={said}
        onClick={(event) => {
          event.stopPropagation();
          onSelect(branch, segment.row.taskId);
        }}
      >
        {segment.kind === "executing" && (many || status.tone === "bad") && b <= 1 && (
          <span className="timeline-end">
            <StatusShape status={status} size={10} />
          </span>
        )}
      </span>
    );
  });
}
