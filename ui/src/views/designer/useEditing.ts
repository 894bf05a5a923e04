import { useReactFlow } from "@xyflow/react";
import { useEffect, useMemo } from "react";
import { useCommands, type Command } from "../../app/commands";
import { arranged, toLayout } from "../../model/designer/arrange";
import { copy, fromText, paste, toText } from "../../model/designer/clipboard";
import type { Graph } from "../../model/designer/document";
import { remove } from "../../model/designer/operations";
import { layoutPositions } from "../../model/layout";
import { useToast } from "../../widgets/Toast";
import { mayRedo, mayUndo, useEditor, useEditorState, type Editor } from "./editor";
import { PALETTE_SEARCH } from "./Palette";

export interface EditCommand extends Command {
  /** On its button. */
  short?: string;
  /** The one that the page is for. */
  main?: boolean;
}

// what was copied last, where the browser's clipboard may not be read
let copied: Graph | undefined;

function copySelection(editor: Editor): string | undefined {
  const part = copy(editor.graph(), editor.get().selected);
  if (part.nodes.length === 0) return undefined;
  copied = part;
  return toText(part);
}

function pasteInto(editor: Editor, part: Graph): void {
  const made = paste(editor.graph(), part, Date.now());
  editor.apply(() => made.graph);
  editor.select(made.ids);
}

export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Undo of a field that is no part of the document is the browser's own. */
function inOtherField(): boolean {
  const at = document.activeElement;
  return isTyping(at) && at?.closest(".designer-form, .designer-bar") === null;
}

/** The commands of editing, offered to palette, keys and toolbar alike. */
export function useEditing(onConnect: (id: string) => void): EditCommand[] {
  const editor = useEditor();
  const state = useEditorState();
  const flow = useReactFlow();
  const say = useToast();
  const undoable = mayUndo(state);
  const redoable = mayRedo(state);
  const chosen = state.selected.length > 0;
  const [first] = state.selected;
  const one = state.selected.length === 1 && state.history.present.nodes.some((node) => node.id === first) ? first : undefined;
  const empty = state.history.present.nodes.length === 0;

  // by the browser's own events the clipboard may be used without asking, also between windows
  useEffect(() => {
    const out = (event: ClipboardEvent) => {
      if (isTyping(event.target) || !window.getSelection()?.isCollapsed || !event.clipboardData) return;
      const text = copySelection(editor);
      if (text === undefined) return;
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
      if (event.type === "cut") editor.apply((graph) => remove(graph, editor.get().selected));
    };
    const into = (event: ClipboardEvent) => {
      if (isTyping(event.target)) return;
      const part = fromText(event.clipboardData?.getData("text/plain") ?? "");
      if (!part) return;
      event.preventDefault();
      pasteInto(editor, part);
    };
    document.addEventListener("copy", out);
    document.addEventListener("cut", out);
    document.addEventListener("paste", into);
    return () => {
      document.removeEventListener("copy", out);
      document.removeEventListener("cut", out);
      document.removeEventListener("paste", into);
    };
  }, [editor]);

  const commands = useMemo<EditCommand[]>(() => {
    const group = "Designer";
    const nothing = chosen ? undefined : "nothing is selected";
    return [
      {
        id: "designer.undo",
        title: "Undo",
        short: "Undo",
        group,
        keys: "mod+z",
        disabled: undoable ? undefined : "nothing was done",
        run: () => (inOtherField() ? void document.execCommand("undo") : editor.undo()),
      },
      {
        id: "designer.redo",
        title: "Redo",
        short: "Redo",
        group,
        keys: "mod+shift+z",
        disabled: redoable ? undefined : "nothing was undone",
        run: () => (inOtherField() ? void document.execCommand("redo") : editor.redo()),
      },
      {
        id: "designer.copy",
        title: "Copy the selection",
        short: "Copy",
        group,
        disabled: nothing,
        run: () => {
          const text = copySelection(editor);
          if (text === undefined) return;
          void navigator.clipboard?.writeText(text).catch(() => undefined);
          say({ text: "Copied." });
        },
      },
      {
        id: "designer.paste",
        title: "Paste nodes",
        short: "Paste",
        group,
        run: () => {
          if (copied) pasteInto(editor, copied);
          else say({ text: "Nothing was copied here. From another window paste with Ctrl V." });
        },
      },
      {
        id: "designer.duplicate",
        title: "Duplicate the selection",
        short: "Duplicate",
        group,
        keys: "mod+d",
        disabled: nothing,
        run: () => pasteInto(editor, copy(editor.graph(), editor.get().selected)),
      },
      {
        id: "designer.delete",
        title: "Delete the selection",
        short: "Delete",
        group,
        keys: "Delete",
        disabled: nothing,
        run: () => editor.apply((graph) => remove(graph, editor.get().selected)),
      },
      {
        id: "designer.tidy",
        title: "Tidy up",
        short: "Tidy up",
        group,
        keys: "shift+t",
        disabled: empty ? "nothing is drawn" : undefined,
        run: () => {
          const { nodes, edges } = toLayout(editor.graph());
          void layoutPositions(nodes, edges, "RIGHT").then((positions) => {
            editor.apply((graph) => arranged(graph, positions));
            window.setTimeout(() => void flow.fitView({ maxZoom: 1, padding: 0.15, duration: 150 }), 60);
          });
        },
      },
      {
        id: "designer.connect",
        title: "Connect the selected node to …",
        group,
        keys: "c",
        disabled: one === undefined ? "no single node is selected" : undefined,
        run: () => one !== undefined && onConnect(one),
      },
      { id: "designer.all", title: "Select all nodes", group, keys: "shift+a", run: () => editor.select(editor.graph().nodes.map((node) => node.id)) },
      { id: "designer.fit", title: "Show the whole graph", group, keys: "shift+f", run: () => void flow.fitView({ maxZoom: 1, padding: 0.15 }) },
      { id: "designer.add", title: "Find a node to add", group, keys: "a", run: () => document.getElementById(PALETTE_SEARCH)?.focus() },
    ];
  }, [editor, flow, say, undoable, redoable, chosen, empty, one, onConnect]);
  useCommands(commands);
  return commands;
}
