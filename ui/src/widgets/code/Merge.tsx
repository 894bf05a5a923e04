import { MergeView } from "@codemirror/merge";
import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { frozen, reading } from "./setup";
import "./code.css";

/** Two texts side by side, equal stretches folded. */
export default function Merge({ before, after, labels }: { before: string; after: string; labels: readonly [string, string] }) {
  const place = useRef<HTMLDivElement>(null);
  const [left, right] = labels;
  useEffect(() => {
    if (!place.current) return;
    const side = (doc: string, label: string) => ({
      doc,
      extensions: [reading(label, "json"), frozen(), EditorView.lineWrapping],
    });
    const view = new MergeView({
      parent: place.current,
      a: side(before, left),
      b: side(after, right),
      collapseUnchanged: { margin: 3, minSize: 6 },
      // texts of megabytes: rather a coarse answer than a page that stands still
      diffConfig: { scanLimit: 500, timeout: 500 },
    });
    return () => view.destroy();
  }, [before, after, left, right]);
  return <div ref={place} className="code code-merge" />;
}
