import { useState } from "react";
import { useOverviews, useTask } from "../../../api/queries/run";
import { LARGE } from "../../../model/json";
import { runStatus } from "../../../model/status";
import type { Overview } from "../../../model/run";
import { EmptyState } from "../../../widgets/EmptyState";
import { Loading } from "../../../widgets/Loading";
import { PANES, type Change, type Pane, type Selection } from "../selection";
import { ComparePane } from "./ComparePane";
import { DataPane } from "./DataPane";
import { LogPane } from "./LogPane";
import { PaneHeader } from "./PaneHeader";
import { RunPane } from "./RunPane";
import { TemplatePane } from "./TemplatePane";
import { looked, stamp, type Looked } from "./which";
import "./pane.css";

interface Props {
  overview: Overview;
  selection: Selection;
  onChange: (change: Change) => void;
}

/** Everything about what is selected: one attempt of a task, or the run itself. */
export function TaskPane({ overview, selection, onChange }: Props) {
  const children = useOverviews(selection.run === undefined ? [] : [selection.run]);
  const shown = selection.run === undefined ? overview : children[0]?.data;
  if (selection.task === undefined && selection.attempt === undefined) return <RunPane overview={overview} />;
  const found = shown && looked(shown, selection);
  const name = selection.task ?? "this task";
  if (!shown || !found) {
    const waiting = selection.run !== undefined && children[0]?.isPending;
    return (
      <section className="run-pane" aria-label={`Task ${name}`}>
        {waiting ? (
          <Loading what="the task" />
        ) : (
          <EmptyState
            title="Not reached"
            action={
              <button type="button" className="button" onClick={() => onChange({ task: undefined, attempt: undefined, run: undefined })}>
                Select the run instead
              </button>
            }
          >
            <code>{name}</code>{" "}
            {runStatus(overview.workflow.status).ended ? "was not scheduled in this run." : "has not been scheduled yet; it appears here when it is."}
          </EmptyState>
        )}
      </section>
    );
  }
  return <Shown key={found.row.referenceTaskName} overview={shown} found={found} selection={selection} onChange={onChange} />;
}

const TITLES: Record<Pane, string> = { data: "Input and output", template: "Template", compare: "Compare", log: "Log" };

function Shown({ overview, found, selection, onChange }: Props & { found: Looked }) {
  const { row } = found;
  // a large value is fetched when a person asks for it, once for each attempt
  const [asked, setAsked] = useState<ReadonlySet<string>>(new Set());
  const large = row.inputSize + row.outputSize > LARGE;
  const wanted = !large || asked.has(row.taskId);
  const needed = selection.pane === "data" || selection.pane === "template";
  const task = useTask(overview.workflow.workflowId, row.taskId, stamp(row), wanted && needed);
  const ask = () => setAsked((before) => new Set(before).add(row.taskId));
  const select = (reference: string, attempt?: string) => onChange({ task: reference, attempt });
  const data = { row, task: task.data, error: task.error, wanted, ask };
  return (
    <section className="run-pane" aria-label={`Task ${row.referenceTaskName}`}>
      <PaneHeader overview={overview} found={found} onChange={onChange}>
        <div className="tabs" role="group" aria-label="Parts of the task">
          {PANES.map((pane) => (
            <button
              key={pane}
              type="button"
              className="tab"
              aria-pressed={selection.pane === pane}
              data-state={selection.pane === pane ? "active" : "inactive"}
              onClick={() => onChange({ pane })}
            >
              {TITLES[pane]}
            </button>
          ))}
        </div>
      </PaneHeader>
      {selection.pane === "data" && <DataPane {...data} overview={overview} attempts={found.attempts} onSelect={select} />}
      {selection.pane === "template" && <TemplatePane {...data} overview={overview} onSelect={select} />}
      {selection.pane === "compare" && <ComparePane key={row.taskId} runId={overview.workflow.workflowId} found={found} />}
      {selection.pane === "log" && <LogPane runId={overview.workflow.workflowId} taskId={row.taskId} />}
    </section>
  );
}
