import { useEffect, useMemo, useState } from "react";
import { convertGraph, validateDefinition, type Conversion } from "../../api/queries/designer";
import { ApiFailure } from "../../api/client";
import type { Graph } from "../../model/designer/document";
import type { Kind } from "../../model/designer/kinds";
import { converterProblems, engineProblems, localProblems, type NodeMap, type Problem } from "../../model/designer/problems";
import { words } from "../../widgets/ErrorState";

export interface Validation {
  problems: readonly Problem[];
  /** What the graph became when it last was one. */
  conversion?: Conversion;
  /** `conversion` is of the graph as it is now. */
  isCurrent: boolean;
  checking: boolean;
  /** Why nobody checks; the page's own rules still hold. */
  away?: string;
}

const PAUSE = 400;
/** How soon somebody who was away is asked again. */
const AGAIN = 5_000;

export const NO_NODES: NodeMap = {};

/** Checks the document a moment after it was changed: the converter first, then the engine on what it became. */
export function useValidation(graph: Graph, kinds: readonly Kind[]): Validation {
  const [told, setTold] = useState<{ graph: Graph; problems: readonly Problem[]; away?: string; conversion?: Conversion }>();
  const [conversion, setConversion] = useState<Conversion>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    let again: number | undefined;
    const later = window.setTimeout(() => {
      void check(graph, controller.signal).then((result) => {
        if (controller.signal.aborted) return;
        setTold({ graph, ...result });
        if (result.conversion) setConversion(result.conversion);
        if (result.away !== undefined) again = window.setTimeout(() => setRound((before) => before + 1), AGAIN);
      });
    }, PAUSE);
    return () => {
      controller.abort();
      window.clearTimeout(later);
      window.clearTimeout(again);
    };
  }, [graph, round]);
  const isCurrent = told?.graph === graph;
  const problems = useMemo(() => {
    const ids = new Set(graph.nodes.map((node) => node.id));
    // what the servers said of the graph a moment ago stands until they have spoken again
    const said = (told?.problems ?? []).filter((each) => each.node === undefined || ids.has(each.node));
    return merged(said, localProblems(graph, kinds));
  }, [graph, kinds, told]);
  return {
    problems,
    ...(conversion ? { conversion } : {}),
    isCurrent: isCurrent && told.conversion !== undefined,
    checking: !isCurrent,
    ...(told?.away === undefined ? {} : { away: told.away }),
  };
}

/** Where a server spoke of a node, the page's own words on it are the same again. */
function merged(said: readonly Problem[], own: readonly Problem[]): Problem[] {
  const spoken = new Set(said.map((problem) => problem.node));
  return [...said, ...own.filter((problem) => problem.mild || !spoken.has(problem.node))];
}

async function check(graph: Graph, signal: AbortSignal): Promise<{ problems: Problem[]; away?: string; conversion?: Conversion }> {
  if (graph.nodes.length === 0) return { problems: [] };
  let conversion: Conversion;
  try {
    conversion = await convertGraph(graph, signal);
  } catch (error) {
    if (error instanceof ApiFailure && error.violations.length > 0) return { problems: converterProblems(graph, error.violations) };
    return { problems: [], away: words(error) };
  }
  try {
    await validateDefinition(conversion.definition, signal);
    return { problems: [], conversion };
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 400) {
      const list = error.violations.length > 0 ? error.violations : [{ message: error.message }];
      return { problems: engineProblems(conversion.definition, conversion.nodes, list), conversion };
    }
    return { problems: [], conversion, away: words(error) };
  }
}
