/** The last runs of a definition against its tasks: since when does which task fail. */
import { duration } from "./duration";
import { NOT_REACHED, runStatus, taskStatus, type Status } from "./status";

/** Status, duration in milliseconds and executions (attempts, and passes of a loop) of one task in one run; a status of null: not reached. */
export type Cell = readonly [status: string | null, durationMs: number | null, executions: number];

/** As the server tells it: runs from the newest, cells by run and then by task. */
export interface Recent {
  runs: readonly { workflowId: string; workflowVersion: number; status: string; startTime: number; endTime?: number | null | undefined }[];
  tasks: readonly { referenceTaskName: string; taskType: string }[];
  cells: readonly (readonly Cell[])[];
  /** There was more than the server tells at once. */
  truncated?: boolean;
}

export interface GridColumn {
  workflowId: string;
  version: number;
  /** It is the first here of its version, and there was another one before. */
  newVersion: boolean;
  status: Status;
  startTime: number;
  ended: boolean;
  /** Until now, if it runs. */
  durationMs: number;
  /** Of the longest one that has ended, 0 to 1: what hangs for days must not flatten all others. */
  height: number;
}
export interface GridRow {
  task: string;
  type: string;
  /** By column; null: not reached. */
  cells: readonly (Cell | null)[];
}
export interface Grid {
  /** The newest is the last, as time runs on paper. */
  columns: readonly GridColumn[];
  rows: readonly GridRow[];
}

export function grid(recent: Recent, now: number): Grid {
  const order = recent.runs.map((_, i) => i).sort((a, b) => (recent.runs[a]?.startTime ?? 0) - (recent.runs[b]?.startTime ?? 0));
  const columns: GridColumn[] = [];
  for (const i of order) {
    const run = recent.runs[i];
    if (!run) continue;
    const before = columns.at(-1);
    columns.push({
      workflowId: run.workflowId,
      version: run.workflowVersion,
      newVersion: before !== undefined && before.version !== run.workflowVersion,
      status: runStatus(run.status),
      startTime: run.startTime,
      ended: Boolean(run.endTime),
      durationMs: Math.max(0, (run.endTime || now) - run.startTime),
      height: 0,
    });
  }
  const longest = longestMs(columns);
  for (const column of columns) column.height = Math.min(1, column.durationMs / longest);
  const rows = recent.tasks.map((task, t) => ({
    task: task.referenceTaskName,
    type: task.taskType,
    cells: order.map((i) => {
      const cell = recent.cells[i]?.[t];
      return cell && cell[0] !== null ? cell : null;
    }),
  }));
  return { columns, rows };
}

/** The duration that a full bar stands for. */
export function longestMs(columns: readonly GridColumn[]): number {
  const ended = columns.filter((column) => column.ended);
  return Math.max(1, ...(ended.length > 0 ? ended : columns).map((column) => column.durationMs));
}

export const cellStatus = (cell: Cell | null): Status => (cell === null ? NOT_REACHED : taskStatus(cell[0]));

/** `charge: Failed after 2.3 s, 3 executions`. */
export function cellText(row: GridRow, at: number): string {
  const cell = row.cells[at] ?? null;
  const parts = [cellStatus(cell).label];
  if (cell?.[1] != null) parts[0] += ` after ${duration(cell[1])}`;
  if (cell && cell[2] > 1) parts.push(`${cell[2]} executions`);
  return `${row.task}: ${parts.join(", ")}`;
}

/** `Failed after 12 s, version 3`. */
export function columnText(column: GridColumn): string {
  const time = column.ended ? `after ${duration(column.durationMs)}` : `for ${duration(column.durationMs)}`;
  return `${column.status.label} ${time}, version ${column.version}`;
}

/** What a task does in the newest runs that reached it: `failed in the last 4 runs`; empty if all is well. */
export function streak(row: GridRow): string {
  const reached = row.cells.filter((cell) => cell !== null);
  let failed = 0;
  while (failed < reached.length && taskStatus(reached[reached.length - 1 - failed]?.[0]).tone === "bad") failed += 1;
  if (failed === 0) return "";
  return failed === 1 ? "failed in the last run" : `failed in the last ${failed} runs`;
}

/** Row -1 is the row of the runs themselves. */
export interface Position {
  row: number;
  column: number;
}

/** Where a key leads to; null if it is no key of the grid. `page` is how many rows are in sight. */
export function moved(from: Position, key: string, ctrl: boolean, size: { rows: number; columns: number }, page: number): Position | null {
  const to = { ...from };
  if (key === "ArrowUp") to.row = ctrl ? -1 : from.row - 1;
  else if (key === "ArrowDown") to.row = ctrl ? size.rows - 1 : from.row + 1;
  else if (key === "ArrowLeft") to.column = ctrl ? 0 : from.column - 1;
  else if (key === "ArrowRight") to.column = ctrl ? size.columns - 1 : from.column + 1;
  else if (key === "PageUp") to.row = from.row - page;
  else if (key === "PageDown") to.row = from.row + page;
  else if (key === "Home") {
    to.column = 0;
    if (ctrl) to.row = -1;
  } else if (key === "End") {
    to.column = size.columns - 1;
    if (ctrl) to.row = size.rows - 1;
  } else return null;
  return within(to, size);
}

/** The nearest position that is there, for when rows or runs have gone. */
export const within = (at: Position, size: { rows: number; columns: number }): Position => ({
  row: Math.max(-1, Math.min(size.rows - 1, at.row)),
  column: Math.max(0, Math.min(size.columns - 1, at.column)),
});
