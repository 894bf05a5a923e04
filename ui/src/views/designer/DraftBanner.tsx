import { useState } from "react";
import { Time } from "../../widgets/Time";
import type { Keeping } from "./draft";
import { useEditor } from "./editor";

/** Says that a draft of before is shown, and offers what it hides. */
export function DraftBanner({ name, at, guard }: { name: string; at: number; guard: (go: () => void) => void }) {
  const editor = useEditor();
  const [hidden, setHidden] = useState(false);
  if (hidden) return null;
  return (
    <div className="banner" role="status">
      <span className="grow">
        This is your draft, last changed <Time at={at} />. It is not deployed.
      </span>
      <button type="button" className="button" onClick={() => setHidden(true)}>
        Go on with it
      </button>
      <button
        type="button"
        className="button danger"
        onClick={() =>
          guard(() => {
            editor.apply(() => editor.get().base);
            setHidden(true);
          })
        }
      >
        {name === "" ? "Throw the draft away" : `Throw it away and open ${name}`}
      </button>
    </div>
  );
}

/** Two tabs draw the same document: asks which of the drawings is to be kept. */
export function OtherTabBanner({ other, decide }: Keeping) {
  const editor = useEditor();
  if (!other) return null;
  return (
    <div className="banner warn" role="alert">
      <span className="grow">
        Another tab has changed this drawing, <Time at={other.savedAt} />. What you draw here is not kept until you choose.
      </span>
      <button
        type="button"
        className="button"
        onClick={() => {
          editor.apply(() => other.graph);
          decide();
        }}
      >
        Show the other one
      </button>
      <button type="button" className="button" onClick={decide}>
        Keep this one
      </button>
    </div>
  );
}
