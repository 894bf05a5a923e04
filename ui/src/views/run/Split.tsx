import { useState, type CSSProperties, type ReactNode } from "react";
import { remember, remembered } from "../../app/preferences";

const KEPT = "podium.run.split";
const LEAST = 15;
const MOST = 85;

function first(): number {
  const kept = Number(remembered(KEPT) ?? "");
  return kept >= LEAST && kept <= MOST ? kept : 50;
}

/** Two parts, one above the other, with a bar between them that is drawn or moved by the arrow keys. */
export function Split({ above, below }: { above: ReactNode; below: ReactNode }) {
  const [share, setShare] = useState(first);
  const [drawn, setDrawn] = useState(false);
  const move = (to: number) => {
    const next = Math.max(LEAST, Math.min(MOST, Math.round(to)));
    setShare(next);
    remember(KEPT, String(next));
  };
  return (
    <div className="run-split" style={{ "--share": share } as CSSProperties}>
      {above}
      {/* a separator that can be moved is a control: it has a value and keys */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        role="separator"
        aria-orientation="horizontal"
        aria-label="Height of the view above the task"
        aria-valuenow={share}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        className="run-splitter"
        onKeyDown={(event) => {
          const by = { ArrowUp: -5, ArrowDown: 5 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          move(share + by);
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrawn(true);
        }}
        onPointerMove={(event) => {
          const box = drawn ? event.currentTarget.parentElement?.getBoundingClientRect() : undefined;
          if (box) move(((event.clientY - box.top) / box.height) * 100);
        }}
        onPointerUp={() => setDrawn(false)}
        onPointerCancel={() => setDrawn(false)}
      />
      {below}
    </div>
  );
}
