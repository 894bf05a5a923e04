import { many } from "../../model/card";

interface Props {
  /** Tasks that are folded away. */
  hidden: number;
  onZoom: (closer: boolean) => void;
  onFitAll: () => void;
  onFitSelected: (() => void) | undefined;
  /** Draws it down instead of across, or the other way round. */
  onTurn: () => void;
  onFoldAll: ((open: boolean) => void) | undefined;
}

export function CanvasTools({ hidden, onZoom, onFitAll, onFitSelected, onTurn, onFoldAll }: Props) {
  return (
    <>
      <div className="dag-tools" role="toolbar" aria-label="Diagram">
        <button type="button" className="button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => onZoom(false)}>
          −
        </button>
        <button type="button" className="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => onZoom(true)}>
          +
        </button>
        <button type="button" className="button" title="Show the whole diagram (0)" onClick={onFitAll}>
          Fit all
        </button>
        <button type="button" className="button" title="Show the selected task (.)" disabled={!onFitSelected} onClick={onFitSelected}>
          Fit selection
        </button>
        <button type="button" className="button" title="Draw it down instead of across, or the other way round" onClick={onTurn}>
          Turn
        </button>
        {onFoldAll && (
          <>
            <button type="button" className="button" onClick={() => onFoldAll(false)}>
              Fold all
            </button>
            <button type="button" className="button" onClick={() => onFoldAll(true)}>
              Unfold all
            </button>
          </>
        )}
      </div>
      <p className="dag-note" role="status">
        {hidden > 0 && `${many(hidden, "task")} folded away. `}
        <span className="dag-keys">Arrows move, Enter selects, Space folds, + − zoom.</span>
      </p>
    </>
  );
}
