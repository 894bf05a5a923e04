/** Keys walk through a list faster than addresses change: the row moves at once, the selection follows when the walk rests. */
import { useCallback, useEffect, useRef, useState } from "react";
import type { Branch } from "../../model/outline";
import type { Selection } from "./selection";

/** `run` is a child run that was opened in place. */
export type Select = (task: string, attempt?: string, run?: string) => void;

const REST = 120;

export function useSelect(selection: Selection, select: Select) {
  const [walked, setWalked] = useState<{ key: string; task: string | undefined }>();
  const timer = useRef<number>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const choose = useCallback(
    (branch: Branch, taskId?: string) => {
      setWalked({ key: branch.key, task: branch.kind === "task" ? branch.reference : undefined });
      window.clearTimeout(timer.current);
      if (branch.kind !== "task") return;
      timer.current = window.setTimeout(() => {
        select(branch.reference, taskId, branch.own ? undefined : branch.runId);
      }, REST);
    },
    [select],
  );
  // a selection that came from elsewhere has the last word
  const [seen, setSeen] = useState(selection.task);
  if (seen !== selection.task) {
    setSeen(selection.task);
    if (walked?.task !== selection.task) setWalked(undefined);
  }
  return { current: walked?.key ?? (selection.run === undefined ? selection.task : undefined), choose };
}
