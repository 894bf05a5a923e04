/** Remembers in this browser which runs were looked at. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useLocation } from "react-router";
import { overviewKey } from "../api/queries/run";
import { readRecent, withRecent } from "../model/palette";
import type { Overview } from "../model/run";
import { remember, remembered } from "./preferences";

const KEY = "podium.recent";
/** A run counts as looked at when somebody stays so long; its name is known by then. */
const STAY = 1_500;

export const recentRuns = () => readRecent(remembered(KEY));

export function useRecentRuns(): void {
  const { pathname } = useLocation();
  const queries = useQueryClient();
  useEffect(() => {
    const id = /^\/runs\/([^/]+)$/.exec(pathname)?.[1];
    if (id === undefined) return;
    const timer = window.setTimeout(() => {
      const name = queries.getQueryData<Overview>(overviewKey(decodeURIComponent(id)))?.workflow.workflowName;
      if (name) remember(KEY, JSON.stringify(withRecent(recentRuns(), { id: decodeURIComponent(id), name })));
    }, STAY);
    return () => window.clearTimeout(timer);
  }, [pathname, queries]);
}
