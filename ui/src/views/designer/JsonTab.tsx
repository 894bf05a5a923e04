import { useState } from "react";
import { drawDefinition } from "../../api/queries/designer";
import { ApiFailure } from "../../api/client";
import { readGraph, type Graph } from "../../model/designer/document";
import { Code } from "../../widgets/Code";
import { words } from "../../widgets/ErrorState";
import { useEditor } from "./editor";
import type { Validation } from "./useValidation";

export type View = "graph" | "definition";

/** What was written, and over which text; it stays while other views are seen. */
export interface Typed {
  text: string;
  given: string;
}

interface Props {
  view: View;
  typed: Typed | undefined;
  setTyped: (typed: Typed | undefined) => void;
  graph: Graph;
  validation: Validation;
}

/** The same document as text: the definition that it becomes, or the graph itself. What is written there is applied to the drawing. */
export function JsonTab({ view, typed, setTyped, graph, validation }: Props) {
  const editor = useEditor();
  const shown = view === "graph" ? graph : validation.conversion?.definition;
  const given = shown === undefined ? "" : JSON.stringify(shown, null, 2);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<readonly string[]>([]);
  const changed = typed !== undefined && typed.text !== given;
  const text = changed ? typed.text : given;
  // the drawing went on while text was being written
  const apart = changed && typed.given !== given;
  const apply = async () => {
    setBusy(true);
    setWrong([]);
    try {
      const value = JSON.parse(text) as unknown;
      const next = view === "graph" ? readGraph(value) : readGraph((await drawDefinition(value, graph)).graph);
      editor.apply(() => next);
      setTyped(undefined);
    } catch (error) {
      const said = error instanceof ApiFailure ? error.violations.map((violation) => violation.message) : [];
      setWrong(said.length > 0 ? said : [words(error)]);
    } finally {
      setBusy(false);
    }
  };
  if (view === "definition" && shown === undefined) {
    return (
      <div className="state">
        <h2>There is no definition yet</h2>
        <p>{validation.away ?? (validation.checking ? "The graph is being converted." : "Mend the problems below, and the graph becomes one.")}</p>
      </div>
    );
  }
  const what = view === "graph" ? "graph" : "definition";
  return (
    <div className="designer-json">
      <div className="row designer-json-bar">
        <button type="button" className="button main" onClick={() => void apply()} disabled={!changed || busy}>
          Apply the {what} to the drawing
        </button>
        <button type="button" className="button" onClick={() => setTyped(undefined)} disabled={!changed}>
          Discard what is written here
        </button>
        <span className="soft grow" role="status">
          {apart
            ? "The drawing was changed since; applying takes this text instead."
            : !changed && view === "definition" && !validation.isCurrent
              ? validation.checking
                ? "Being converted …"
                : "Of the drawing as it last had no problems."
              : ""}
        </span>
      </div>
      {wrong.map((each) => (
        <p key={each} role="alert" className="designer-wrong designer-json-bar">
          {each}
        </p>
      ))}
      <div className="designer-code">
        <Code value={text} onChange={(next) => setTyped({ text: next, given: typed?.given ?? given })} label={`The ${what} as JSON`} height="fill" />
      </div>
    </div>
  );
}
