/** The one store with undo: the document that is drawn, what is selected in it, and what it was when it was last kept. */
import { createContext, use, useSyncExternalStore } from "react";
import { sameWork, type Graph } from "../../model/designer/document";
import { begin, canRedo, canUndo, change, redo, undo, type History } from "../../model/designer/history";

export interface EditorState {
  readonly history: History<Graph>;
  /** Ids of nodes and edges. */
  readonly selected: readonly string[];
  /** What is kept elsewhere; a document that is another object was changed since. */
  readonly base: Graph;
  /** With which it began. */
  readonly opened: Graph;
}

export class Editor {
  private state: EditorState;
  private readonly listeners = new Set<() => void>();

  /** `draft` is what is drawn of `opened`; `deployed` if that is kept elsewhere too. */
  constructor(opened: Graph, draft?: Graph, deployed = false) {
    this.state = { history: begin(draft ?? opened), selected: [], base: deployed && draft ? draft : opened, opened };
  }

  get = (): EditorState => this.state;
  graph = (): Graph => this.state.history.present;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private set(state: EditorState): void {
    if (state === this.state) return;
    this.state = state;
    this.listeners.forEach((listener) => listener());
  }

  /** Does something to the document. Changes with the same gesture, soon after each other, are one step. */
  apply(operation: (graph: Graph) => Graph, gesture?: string): void {
    const history = change(this.state.history, operation(this.graph()), gesture, Date.now());
    if (history !== this.state.history) this.set({ ...this.state, history });
  }

  undo = (): void => this.set({ ...this.state, history: undo(this.state.history) });
  redo = (): void => this.set({ ...this.state, history: redo(this.state.history) });

  select = (ids: readonly string[]): void => {
    const { selected } = this.state;
    if (ids.length === selected.length && ids.every((id, at) => id === selected[at])) return;
    this.set({ ...this.state, selected: ids });
  };

  /** The document as it is now is kept elsewhere. */
  kept = (graph: Graph): void => this.set({ ...this.state, base: graph });
}

export const EditorContext = createContext<Editor | null>(null);

export function useEditor(): Editor {
  const found = use(EditorContext);
  if (!found) throw new Error("useEditor is used outside of the designer");
  return found;
}

export const useEditorState = (): EditorState => {
  const editor = useEditor();
  return useSyncExternalStore(editor.subscribe, editor.get);
};

export const useGraph = (): Graph => useEditorState().history.present;

/** Whether something is drawn that is kept nowhere else; places alone do not count. */
export const isDirty = (state: EditorState): boolean => !sameWork(state.history.present, state.base);
export const mayUndo = (state: EditorState): boolean => canUndo(state.history);
export const mayRedo = (state: EditorState): boolean => canRedo(state.history);
