import { useState } from "react";
import type { Part } from "../../model/card";

interface Props {
  title: string;
  part: Part;
  tabIndex: number;
  onShow: (shown: number) => void;
}

/** Chooses the iteration of a loop or the page of a wide fork; a number, since there may be thousands. */
export function PartPicker({ title, part, tabIndex, onShow }: Props) {
  const [typed, setTyped] = useState(String(part.shown));
  const go = (shown: number) => onShow(Math.min(part.of, Math.max(1, shown)));
  const take = () => {
    const wanted = Number.parseInt(typed, 10);
    if (Number.isFinite(wanted) && wanted !== part.shown) go(wanted);
    else setTyped(String(part.shown));
  };
  return (
    <span className="dag-part">
      <button type="button" tabIndex={tabIndex} disabled={part.shown <= 1} aria-label={`Previous ${part.what} of ${title}`} onClick={() => go(part.shown - 1)}>
        ‹
      </button>
      <input
        inputMode="numeric"
        tabIndex={tabIndex}
        size={Math.max(2, String(part.of).length)}
        aria-label={`${part.what === "iteration" ? "Iteration" : "Page"} of ${title}, 1 to ${part.of}`}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={take}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Enter") take();
        }}
      />
      <span className="soft">/ {part.of.toLocaleString("en")}</span>
      <button type="button" tabIndex={tabIndex} disabled={part.shown >= part.of} aria-label={`Next ${part.what} of ${title}`} onClick={() => go(part.shown + 1)}>
        ›
      </button>
    </span>
  );
}
