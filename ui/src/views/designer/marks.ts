import type { Problem } from "../../model/designer/problems";
import type { Mark } from "./shown";
import type { WatchedRun } from "./useRun";

/** What is shown at the nodes: problems, and how the watched run stands. */
export function marksOf(problems: readonly Problem[], run: WatchedRun | undefined): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  const at = (id: string): Mark => marks.get(id) ?? { problems: 0 };
  for (const { node, mild } of problems) if (node !== undefined && !mild) marks.set(node, { problems: at(node).problems + 1 });
  for (const [node, status] of run?.statuses ?? []) marks.set(node, { ...at(node), status });
  for (const node of run?.statisticsOf.keys() ?? []) marks.set(node, { ...at(node), statistics: true });
  if (run?.offerNode !== undefined) marks.set(run.offerNode, { ...at(run.offerNode), retry: true });
  return marks;
}
