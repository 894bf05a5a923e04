import { useState } from "react";
import { useTask } from "../../../api/queries/run";
import { bytes } from "../../../model/duration";
import { LARGE } from "../../../model/json";
import type { TaskRow } from "../../../model/run";
import { taskStatus } from "../../../model/status";
import { EmptyState } from "../../../widgets/EmptyState";
import { words } from "../../../widgets/ErrorState";
import { JsonDiff } from "../../../widgets/JsonDiff";
import { stamp, type Looked } from "./which";

/** As many other iterations are offered, those that are nearest. */
const NEAR = 50;

interface Other {
  row: TaskRow;
  label: string;
}

function others({ row, attempts, iterations }: Looked): Other[] {
  const found = attempts
    .filter((each) => each.taskId !== row.taskId)
    .map((each) => ({ row: each, label: `attempt ${each.attempt + 1} (${taskStatus(each.status).label.toLowerCase()})` }));
  const near = iterations
    .filter((each) => each.iteration !== row.iteration)
    .sort((a, b) => Math.abs(a.iteration - row.iteration) - Math.abs(b.iteration - row.iteration) || a.iteration - b.iteration)
    .slice(0, NEAR)
    .map((each) => ({ row: each, label: `iteration ${each.iteration} (${taskStatus(each.status).label.toLowerCase()})` }));
  return [...found.reverse(), ...near];
}

const nameOf = ({ row, attempts }: Looked): string =>
  attempts.length > 1 ? `attempt ${row.attempt + 1}` : row.iteration > 0 ? `iteration ${row.iteration}` : "this attempt";

/** What differs between this attempt and another of the same task, or the same task in another iteration. */
export function ComparePane({ runId, found }: { runId: string; found: Looked }) {
  const choices = others(found);
  const [chosen, setChosen] = useState<string>();
  const [asked, setAsked] = useState(false);
  const other = choices.find((each) => each.row.taskId === chosen) ?? choices.find((each) => each.row.attempt < found.row.attempt) ?? choices[0];
  const size = found.row.inputSize + found.row.outputSize + (other ? other.row.inputSize + other.row.outputSize : 0);
  const wanted = other !== undefined && (size <= LARGE * 2 || asked);
  const here = useTask(runId, found.row.taskId, stamp(found.row), wanted);
  const there = useTask(runId, other?.row.taskId, other ? stamp(other.row) : "", wanted);
  if (!other) return <EmptyState title="Nothing to compare with">This task was tried once, and it is in no loop.</EmptyState>;
  const labels = [other.label, nameOf(found)] as const;
  const error = here.error ?? there.error;
  return (
    <div className="pane-compare">
      <label className="mark">
        Compare {nameOf(found)} with
        <select value={other.row.taskId} onChange={(event) => setChosen(event.target.value)}>
          {choices.map((each) => (
            <option key={each.row.taskId} value={each.row.taskId}>
              {each.label}
            </option>
          ))}
        </select>
      </label>
      {!wanted ? (
        <button type="button" className="button" onClick={() => setAsked(true)}>
          Compare them ({bytes(size)})
        </button>
      ) : here.data && there.data ? (
        <>
          <section aria-label="Difference of the inputs">
            <h3>Input</h3>
            <JsonDiff before={there.data.inputData} after={here.data.inputData} labels={labels} />
          </section>
          <section aria-label="Difference of the outputs">
            <h3>Output</h3>
            <JsonDiff before={there.data.outputData} after={here.data.outputData} labels={labels} />
          </section>
        </>
      ) : (
        <p role={error ? "alert" : "status"}>{error ? words(error) : "On their way …"}</p>
      )}
    </div>
  );
}
