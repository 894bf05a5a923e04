import type { ReactNode } from "react";
import type { Start } from "../../model/start";
import { Code } from "../../widgets/Code";

interface Props {
  start: Start;
  onChange: (start: Start) => void;
  faults: { input: string | null; priority: string | null; domains: string | null };
  /** More fields in the row of the short ones. */
  children?: ReactNode;
}

/** Input, correlation id, priority and domains of one start; schedules use it too. */
export function StartForm({ start, onChange, faults, children }: Props) {
  const change = (part: Partial<Start>) => onChange({ ...start, ...part });
  return (
    <>
      <div className="field">
        <span aria-hidden="true">Input (JSON)</span>
        <div className="start-input">
          <Code value={start.input} onChange={(input) => change({ input })} language="json" label="Input (JSON)" height="auto" />
        </div>
        <span className="wrong" role="status">
          {faults.input}
        </span>
      </div>
      <div className="start-short">
        <label className="field">
          Correlation id
          <input value={start.correlationId} onChange={(event) => change({ correlationId: event.target.value })} autoComplete="off" />
        </label>
        <label className="field">
          Priority
          <input
            value={start.priority}
            inputMode="numeric"
            placeholder="0"
            aria-invalid={faults.priority !== null}
            onChange={(event) => change({ priority: event.target.value })}
          />
          {faults.priority && <span className="wrong">{faults.priority}</span>}
        </label>
        {children}
      </div>
      <label className="field">
        Domains of task types
        <input
          value={start.domains}
          className="mono"
          placeholder="email_check = eu, * = shared"
          aria-invalid={faults.domains !== null}
          onChange={(event) => change({ domains: event.target.value })}
          autoComplete="off"
        />
        <span className="help">Only workers that poll for the domain get these tasks. * is every other type.</span>
        {faults.domains && <span className="wrong">{faults.domains}</span>}
      </label>
    </>
  );
}
