import { useState } from "react";
import { nameOf, nodeById } from "../../model/designer/document";
import type { NodeMap } from "../../model/designer/problems";
import { connect, whyNotConnect } from "../../model/designer/operations";
import { Dialog } from "../../widgets/Dialog";
import { useEditor, useGraph } from "./editor";

interface Props {
  node: string;
  made: NodeMap;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Draws an edge by keyboard. */
export function ConnectDialog({ node, made, open, onOpenChange }: Props) {
  const editor = useEditor();
  const graph = useGraph();
  const [text, setText] = useState("");
  const from = nodeById(graph, node);
  if (!from) return null;
  const others = graph.nodes.filter(
    (each) =>
      each.id !== node && each.parentId === from.parentId && `${nameOf(each, made)} ${each.type}`.toLowerCase().includes(text.trim().toLowerCase()),
  );
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={`Connect ${nameOf(from, made)} to …`}>
      <input type="search" value={text} onChange={(event) => setText(event.target.value)} aria-label="Find a node" placeholder="Find a node" />
      <ul className="designer-choices" aria-label="Nodes">
        {others.map((each) => {
          const refused = whyNotConnect(graph, node, each.id);
          return (
            <li key={each.id}>
              <button
                type="button"
                className="designer-item"
                disabled={refused !== undefined}
                title={refused}
                onClick={() => {
                  editor.apply((present) => connect(present, node, each.id).graph);
                  onOpenChange(false);
                }}
              >
                <span>{nameOf(each, made)}</span>
                <span className="soft cut">{refused ?? (each.type === "task" ? each.id : each.type)}</span>
              </button>
            </li>
          );
        })}
      </ul>
      {others.length === 0 && <p className="soft">There is no other node beside it.</p>}
    </Dialog>
  );
}
