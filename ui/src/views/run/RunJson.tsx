import { useEffect, useRef, useState } from "react";
import { runJsonUrl, runText } from "../../api/queries/run";
import { bytes } from "../../model/duration";
import { LARGE, pretty } from "../../model/json";
import type { Overview } from "../../model/run";
import { Code } from "../../widgets/Code";
import { words } from "../../widgets/ErrorState";

/** A task without its data has about this many bytes in the answer: its own members and its part of the definition. */
const TASK = 1_800;

/** About how large the whole run is as text. */
function estimate({ workflow, tasks }: Overview): number {
  let sum = (workflow.inputSize ?? 0) + (workflow.outputSize ?? 0);
  for (const task of tasks) sum += TASK + task.inputSize + task.outputSize;
  return sum;
}

/** The whole run as the API tells it. A small one comes at once, a large one when it is asked for. */
export function RunJson({ overview }: { overview: Overview }) {
  const id = overview.workflow.workflowId;
  const size = estimate(overview);
  const [state, setState] = useState<{ text?: string; error?: unknown; asking: boolean; version?: number }>({ asking: false });
  const asked = useRef<AbortController>(undefined);
  useEffect(() => () => asked.current?.abort(), []);
  const version = overview.workflow.version;
  const ask = () => {
    asked.current?.abort();
    const controller = new AbortController();
    asked.current = controller;
    setState((before) => ({ ...before, asking: true, error: undefined }));
    runText(id, controller.signal).then(
      (text) => setState({ text: readable(text), asking: false, version }),
      (error: unknown) => {
        if (!controller.signal.aborted) setState((before) => ({ ...before, error, asking: false }));
      },
    );
  };
  const first = useRef(ask);
  const small = size <= LARGE;
  useEffect(() => {
    if (small) first.current();
  }, [small]);
  return (
    <div className="run-json">
      <div className="row">
        <span className="soft">
          {state.text === undefined ? `About ${bytes(size)}` : `${bytes(state.text.length)}, laid out`}
          {state.version !== undefined && state.version !== version && ". The run has changed since"}
        </span>
        <button type="button" className="button" onClick={ask} disabled={state.asking}>
          {state.asking ? "Fetching the run …" : state.text === undefined ? `Show the JSON (about ${bytes(size)})` : "Fetch it again"}
        </button>
        <a className="button" href={runJsonUrl(id)} download={`${id}.json`}>
          Download the JSON
        </a>
      </div>
      {state.error !== undefined && <p role="alert">{words(state.error)}</p>}
      {state.text !== undefined && <Code value={state.text} readOnly label="The run as JSON" />}
    </div>
  );
}

function readable(text: string): string {
  try {
    return pretty(JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}
