import { lazy, Suspense } from "react";
import { Loading } from "./Loading";

const Editor = lazy(() => import("./code/Editor"));

/** Something to say about a place of the text; `from` and `to` count characters. */
export interface CodeDiagnostic {
  from: number;
  to: number;
  severity: "error" | "warning" | "info";
  message: string;
}

/** What may be written at a place. */
export interface CodeCompletion {
  /** Where the word begins that a choice replaces. */
  from: number;
  options: { label: string; detail?: string }[];
}

export interface CodeProps {
  value: string;
  onChange?: (value: string) => void;
  language?: "json" | "text";
  readOnly?: boolean;
  diagnostics?: readonly CodeDiagnostic[];
  /** Names the field to screen readers. */
  label: string;
  /** Selects this place and brings it into view; a new object does it again. */
  reveal?: { from: number; to: number } | undefined;
  complete?: (text: string, at: number) => CodeCompletion | null;
  /** `fill` takes the height of what is around; `auto` that of the text. */
  height?: "fill" | "auto";
}

/** A text with line numbers, folding and search. The editor is fetched when it is first shown. */
export function Code(props: CodeProps) {
  return (
    <Suspense fallback={<Loading what="the editor" />}>
      <Editor {...props} />
    </Suspense>
  );
}
