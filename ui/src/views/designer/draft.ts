/** What is being drawn, kept in this browser through a reload: one draft for each document. */
import { useCallback, useEffect, useRef, useState } from "react";
import { remember, remembered } from "../../app/preferences";
import { isMembers, readGraph, sameWork, type Graph } from "../../model/designer/document";
import type { EditorState } from "./editor";

export interface Draft {
  graph: Graph;
  savedAt: number;
  /** It was deployed or registered as it is: only its places and colours are of use. */
  deployed: boolean;
}

const PAUSE = 400;
const keyOf = (name: string): string => `podium.designer.draft.${name}`;

/** The draft of a document; nothing if there is none that can be read. */
export const readDraft = (name: string): Draft | undefined => parsed(remembered(keyOf(name)));

function parsed(text: string | null): Draft | undefined {
  if (text === null) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    if (!isMembers(value)) return undefined;
    const savedAt = typeof value["savedAt"] === "number" ? value["savedAt"] : 0;
    return { graph: readGraph(value["graph"]), savedAt, deployed: value["deployed"] === true };
  } catch {
    return undefined;
  }
}

export interface Keeping {
  /** False where the browser refuses to keep anything. */
  works: boolean;
  /** Another tab has drawn something else of the same document. As long as nobody has decided, nothing of this tab is kept. */
  other: Draft | undefined;
  /** It is decided: what this tab shows is kept again. */
  decide: () => void;
}

/** Keeps the document as long as it differs from the one that was opened. */
export function useDraft(name: string, state: EditorState): Keeping {
  const [works, setWorks] = useState(true);
  const [other, setOther] = useState<Draft | undefined>();
  const ours = useRef(false);
  const { present } = state.history;
  const { opened, base } = state;
  useEffect(() => {
    const keep = (): boolean => {
      const changed = present !== opened || present !== base;
      ours.current ||= changed;
      // a tab that only looks must not throw away what another one draws
      if (!ours.current) return true;
      return remember(keyOf(name), changed ? JSON.stringify({ graph: present, savedAt: Date.now(), deployed: sameWork(present, base) }) : null);
    };
    // the browser tells the other tabs only
    const told = (event: StorageEvent) => {
      const theirs = event.key === keyOf(name) ? parsed(event.newValue) : undefined;
      if (theirs && !sameWork(theirs.graph, asKept(present))) setOther(theirs);
    };
    window.addEventListener("storage", told);
    const later = other ? undefined : window.setTimeout(() => setWorks(keep()), PAUSE);
    // a page that is left within the pause keeps it too
    const leave = () => void (other ?? keep());
    window.addEventListener("pagehide", leave);
    return () => {
      window.clearTimeout(later);
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("storage", told);
    };
  }, [name, present, opened, base, other]);
  const decide = useCallback(() => {
    ours.current = true;
    setOther(undefined);
  }, []);
  return { works, other, decide };
}

/** A graph as it comes back from where it is kept. */
const asKept = (graph: Graph): Graph => readGraph(JSON.parse(JSON.stringify(graph)) as unknown);
