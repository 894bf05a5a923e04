import { useCallback, useMemo, useState } from "react";
import { duration } from "../../../model/duration";
import type { Branch } from "../../../model/outline";
import type { Overview } from "../../../model/run";
import { runStatus } from "../../../model/status";
import { readWindow, scale, writeWindow, zoomed, type Window } from "../../../model/timeline";
import { EmptyState } from "../../../widgets/EmptyState";
import { Timeline } from "../../../widgets/Timeline";
import { useNow } from "../../../widgets/Time";
import { useOutline, type Folds } from "../outline";
import { useSelect, type Select } from "../select";
import type { Change, Selection } from "../selection";

interface Props {
  overview: Overview;
  folds: Folds;
  selection: Selection;
  select: Select;
  onChange: (change: Change) => void;
}

/** The run over time. */
export function RunTimeline({ overview, folds, selection, select, onChange }: Props) {
  const now = useNow();
  const ended = runStatus(overview.workflow.status).ended;
  const present = ended ? (overview.workflow.endTime ?? now) : now;
  const [collapse, setCollapse] = useState(true);
  const { rows, notes } = useOutline(overview, folds, selection.task);
  const line = useMemo(() => scale(overview, present, collapse), [overview, present, collapse]);
  const window = readWindow(selection.zoom, line);
  const whole = selection.zoom === undefined;
  const { current, choose } = useSelect(selection, select);
  const zoom = useCallback((next: Window) => onChange({ zoom: writeWindow(next, line) }), [onChange, line]);
  const onSelect = useCallback((branch: Branch, taskId?: string) => choose(branch, taskId), [choose]);
  const onFold = useCallback((branch: Branch, open: boolean) => folds.fold([branch], open), [folds]);
  if (overview.tasks.length === 0) return <EmptyState title="Nothing has happened yet">The first task appears here when it is scheduled.</EmptyState>;
  const gaps = line.pieces.filter((piece) => piece.gap);
  const idle = gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  return (
    <div className="run-timeline">
      <div className="row run-bar">
        <span className="soft grow" aria-live="off">
          {duration(window.to - window.from)} {whole ? "in all" : "shown"}
          {gaps.length > 0 && `, of it ${duration(idle)} idle in ${gaps.length} collapsed ${gaps.length === 1 ? "gap" : "gaps"}`}
        </span>
        <label className="mark">
          <input type="checkbox" checked={collapse} onChange={(event) => setCollapse(event.target.checked)} />
          Collapse idle time
        </label>
        <button type="button" className="button" onClick={() => zoom(zoomed(line, window, 0.5))}>
          Zoom in
        </button>
        <button type="button" className="button" disabled={whole} onClick={() => zoom(zoomed(line, window, 2))}>
          Zoom out
        </button>
        <button type="button" className="button" disabled={whole} onClick={() => onChange({ zoom: undefined })}>
          Show all
        </button>
      </div>
      <Timeline
        label="Timeline of the run"
        rows={rows}
        line={line}
        window={window}
        onWindow={zoom}
        present={present}
        live={!ended}
        selected={current}
        attempt={selection.attempt}
        onSelect={onSelect}
        onFold={onFold}
        notes={notes}
      />
    </div>
  );
}
