import { useEffect } from "react";
import { useOverview } from "../../../api/queries/run";
import type { Overview } from "../../../model/run";
import { words } from "../../../widgets/ErrorState";

interface Props {
  id: string;
  /** Version of the parent: it changes when the child has something to tell. */
  stamp: number;
  onAnswer: (id: string, answer: Overview | string) => void;
}
/** A child that works tells its parent nothing before it ends, so it is asked. */
const ASK_EVERY = 3_000;

/** Fetches the run of a sub-workflow that is open in place, and hands it up; draws nothing itself. */
export function ChildRun({ id, stamp, onAnswer }: Props) {
  const { data, error, refetch } = useOverview(id);
  const ended = (data?.workflow.endTime ?? 0) > 0;
  useEffect(() => {
    if (data) onAnswer(id, data);
    else if (error) onAnswer(id, `The sub-workflow could not be loaded. ${words(error)}`);
  }, [id, data, error, onAnswer]);
  useEffect(() => {
    // the first question is under way already
    if (stamp > 0) void refetch({ cancelRefetch: false });
  }, [stamp, refetch]);
  useEffect(() => {
    if (ended) return;
    const timer = setInterval(() => {
      if (!document.hidden) void refetch();
    }, ASK_EVERY);
    return () => clearInterval(timer);
  }, [ended, refetch]);
  return null;
}
