import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { CodeProps } from "../Code";
import { frozen, reading, writing } from "./setup";
import "./code.css";

/** The editor itself; everybody else takes `widgets/Code`, which fetches it. */
export default function Editor({
  value,
  onChange,
  language = "json",
  readOnly = false,
  diagnostics,
  label,
  reveal,
  complete,
  height = "fill",
}: CodeProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const access = useRef(new Compartment());
  // what the editor calls later must be the newest, without building the editor anew for it
  const newest = useRef({ value, onChange, complete });
  useEffect(() => {
    newest.current = { value, onChange, complete };
  });

  useEffect(() => {
    if (!place.current) return;
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: newest.current.value,
        extensions: [
          reading(label, language),
          access.current.of([]),
          lintGutter(),
          autocompletion({
            override: [
              (context) => {
                const found = newest.current.complete?.(context.state.doc.toString(), context.pos);
                return found ? { from: found.from, options: found.options } : null;
              },
            ],
          }),
          keymap.of(completionKeymap),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) newest.current.onChange?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [label, language]);

  useEffect(() => {
    view.current?.dispatch({ effects: access.current.reconfigure(readOnly ? frozen() : writing()) });
  }, [readOnly, label, language]);

  useEffect(() => {
    const editor = view.current;
    // what was typed comes back as the value: then there is nothing to do, and the cursor stays
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value, label, language]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const end = editor.state.doc.length;
    const shown = (diagnostics ?? []).map((each) => ({ ...each, from: Math.min(each.from, end), to: Math.min(each.to, end) }));
    editor.dispatch(setDiagnostics(editor.state, shown));
  }, [diagnostics, label, language]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || !reveal) return;
    const end = editor.state.doc.length;
    const [anchor, head] = [Math.min(reveal.from, end), Math.min(reveal.to, end)];
    editor.dispatch({ selection: { anchor, head }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    editor.focus();
  }, [reveal]);

  return <div ref={place} className={`code code-${height}`} />;
}
