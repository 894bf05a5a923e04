import { useMemo, useState } from "react";
import type { Kind } from "../../model/designer/kinds";
import { items, put, search, type Item } from "../../model/designer/palette";
import { DRAG_TYPE } from "./Canvas";
import { useEditor } from "./editor";
import { useReveal } from "./useReveal";

export const PALETTE_SEARCH = "designer-palette-search";

/** All that can be drawn: dragged to the canvas, or added behind the selected node. */
export function Palette({ kinds }: { kinds: readonly Kind[] }) {
  const editor = useEditor();
  const reveal = useReveal();
  const [text, setText] = useState("");
  const all = useMemo(() => items(kinds), [kinds]);
  const found = search(all, text);
  const groups = [...new Set(found.map((item) => item.group))];
  const addItem = (item: Item) => {
    const graph = editor.graph();
    const { selected } = editor.get();
    const behind = selected.length === 1 ? graph.nodes.find((node) => node.id === selected[0]) : undefined;
    const made = put(graph, item.id, kinds, behind ? { behind: behind.id } : {}, Date.now());
    editor.apply(() => made.graph);
    editor.select(made.ids.slice(0, 1));
    reveal(made.ids[0]);
  };
  return (
    <section className="designer-palette" aria-label="Palette">
      <input
        id={PALETTE_SEARCH}
        type="search"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          const first = found[0];
          if (event.key === "Enter" && first) addItem(first);
          if (event.key === "Escape") setText("");
        }}
        placeholder="Find a node to add"
        aria-label="Find a node to add"
      />
      <span className="unseen" role="status">
        {text && `${found.length} found`}
      </span>
      <div className="designer-palette-list">
        {found.length === 0 && <p className="soft">No node is called so.</p>}
        {groups.map((group) => (
          <div key={group}>
            <h2>{group}</h2>
            <ul aria-label={group}>
              {found
                .filter((item) => item.group === group)
                .map((item) => (
                  <li key={item.id}>
                    <button
                      type="button"
                      className="designer-item"
                      draggable
                      title={item.help}
                      aria-label={`Add ${item.label}`}
                      onDragStart={(event) => {
                        event.dataTransfer.setData(DRAG_TYPE, item.id);
                        event.dataTransfer.effectAllowed = "copy";
                      }}
                      onClick={() => addItem(item)}
                    >
                      <span>{item.label}</span>
                      <span className="soft cut">{item.id.replace(/^task:/, "")}</span>
                    </button>
                  </li>
                ))}
            </ul>
          </div>
        ))}
      </div>
    </section>
  );
}
