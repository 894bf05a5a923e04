import { useState } from "react";
import { useRunData } from "../../../api/queries/run";
import { bytes } from "../../../model/duration";
import { LARGE } from "../../../model/json";
import type { Overview } from "../../../model/run";
import { words } from "../../../widgets/ErrorState";
import { JsonView } from "../../../widgets/JsonView";

/** Nothing is selected: input, variables and output of the run itself. */
export function RunPane({ overview }: { overview: Overview }) {
  const { workflowId, inputSize, outputSize } = overview.workflow;
  const [asked, setAsked] = useState(false);
  const size = (inputSize ?? 0) + (outputSize ?? 0);
  const wanted = asked || size <= LARGE;
  const run = useRunData(workflowId, wanted);
  const data = run.data;
  const parts: { title: string; value: unknown; path: string; size?: number; absent?: string | undefined }[] = [
    { title: "Input", value: data?.input, path: "workflow.input", size: inputSize ?? 0, absent: data?.absent.input },
    { title: "Variables", value: data?.variables, path: "workflow.variables" },
    { title: "Output", value: data?.output, path: "workflow.output", size: outputSize ?? 0, absent: data?.absent.output },
  ];
  return (
    <section className="run-pane" aria-label="The run itself">
      <header className="pane-header row">
        <h2>The run itself</h2>
        <span className="soft">Select a task to see it here</span>
      </header>
      {!wanted ? (
        <p className="pane-ask">
          <button type="button" className="button" onClick={() => setAsked(true)}>
            Show input and output of the run ({bytes(size)})
          </button>
        </p>
      ) : data === undefined ? (
        <p className="pane-ask">{run.error ? words(run.error) : "On its way …"}</p>
      ) : (
        <div className="pane-three">
          {parts.map(({ title, value, path, absent, ...rest }) => (
            <section key={title} aria-label={title} className="pane-part">
              <h3>{title}</h3>
              {absent !== undefined && <p role="alert">It is kept outside of the database and could not be fetched: {absent}</p>}
              <JsonView value={value ?? {}} label={`${title.toLowerCase()} of the run`} path={path} {...rest} />
            </section>
          ))}
        </div>
      )}
    </section>
  );
}
