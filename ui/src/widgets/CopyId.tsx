import { useState } from "react";
import { CopyGlyph } from "./CopyGlyph";
import "./widgets.css";

/** An id in fixed width with a button that copies it. */
export function CopyId({ id, shown, what }: { id: string; shown?: string; what: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard?.writeText(id).then(() => {
      setCopied(true);
      window.setTimeout(() => setCopied(false), 1_500);
    });
  };
  return (
    <span className="mark">
      <code title={id}>{shown ?? id}</code>
      <button type="button" className="copy" onClick={copy} aria-label={`Copy the ${what}`}>
        <CopyGlyph done={copied} />
      </button>
      <span className="unseen" role="status">
        {copied ? "Copied" : ""}
      </span>
    </span>
  );
}
