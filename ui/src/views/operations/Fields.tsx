import { useQuery } from "@tanstack/react-query";
import { keys } from "../../api/keys";
import { inputOf, overviewOf } from "../../api/queries/operations";
import { references } from "../../model/references";
import type { Overview } from "../../model/run";
import { REPORTABLE, NAMES, taskStatus, type Verb } from "../../model/status";
import { Code } from "../../widgets/Code";
import { words } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import type { Asked, TaskTarget } from "./asked";
import { wrong, type Draft } from "./draft";

interface Props {
  asked: Asked;
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
}

/** What must be said before there can be a preview. */
export function missing(verb: Verb, draft: Draft): string | undefined {
  if ((verb === "skip" || verb === "complete") && draft.task === undefined) return "Choose a task";
  return undefined;
}

/** How the operation is to be done. */
export function Fields({ asked, draft, onChange }: Props) {
  switch (asked.verb) {
    case "retry":
      return (
        <Check checked={draft.resumeChildren} onChange={(resumeChildren) => onChange({ resumeChildren })}>
          Go on in the sub-workflow that failed, instead of starting a new one
        </Check>
      );
    case "restart":
      return (
        <Check checked={draft.latestDefinition} onChange={(latestDefinition) => onChange({ latestDefinition })}>
          By the latest version of the definition
        </Check>
      );
    case "rerun":
      return <RerunFields asked={asked} draft={draft} onChange={onChange} />;
    case "skip":
      return (
        <>
          {!asked.task && <ChooseTask asked={asked} draft={draft} onChange={onChange} among={unreached} />}
          <Edited
            label="Output of the skipped task"
            asks="Give it an output"
            help="Later tasks read it. Its values are sent as texts."
            text={draft.output}
            onChange={(output) => onChange({ output })}
            first={() => Promise.resolve({})}
            id="skip"
          />
        </>
      );
    case "complete":
      return <CompleteFields asked={asked} draft={draft} onChange={onChange} />;
    case "terminate":
      return <Reason draft={draft} onChange={onChange} />;
    case "remove":
      return (
        <fieldset className="operation-choice">
          <legend className="unseen">How it is removed</legend>
          <label className="row">
            <input type="radio" name="archive" checked={draft.archive} onChange={() => onChange({ archive: true })} />
            Archive it
          </label>
          <label className="row">
            <input type="radio" name="archive" checked={!draft.archive} onChange={() => onChange({ archive: false })} />
            Delete it for good
          </label>
        </fieldset>
      );
    case "pause":
    case "resume":
      return null;
  }
}

function Check({ checked, onChange, children }: { checked: boolean; onChange: (on: boolean) => void; children: string }) {
  return (
    <label className="row">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      {children}
    </label>
  );
}

function Reason({ draft, onChange }: Pick<Props, "draft" | "onChange">) {
  return (
    <label className="field">
      Reason
      <input value={draft.reason} maxLength={500} onChange={(event) => onChange({ reason: event.target.value })} />
      <span className="help">Shown with the run.</span>
    </label>
  );
}

function RerunFields({ asked, draft, onChange }: Props) {
  const taskId = asked.task?.taskId;
  return (
    <>
      {asked.task ? (
        <p>
          From <code>{asked.task.referenceTaskName}</code>: it and all that came after it run again.
        </p>
      ) : (
        <p>From its first task.</p>
      )}
      {taskId !== undefined && (
        <Edited
          label="Input of the task"
          asks="Change the input of the task"
          text={draft.taskInput}
          onChange={(taskInput) => onChange({ taskInput })}
          first={() => inputOf("task", taskId)}
          id={taskId}
        />
      )}
      <Edited
        label="Input of the workflow"
        asks="Change the input of the workflow"
        text={draft.workflowInput}
        onChange={(workflowInput) => onChange({ workflowInput })}
        first={() => inputOf("run", asked.workflowId)}
        id={asked.workflowId}
      />
    </>
  );
}

function CompleteFields({ asked, draft, onChange }: Props) {
  return (
    <>
      {!asked.task && <ChooseTask asked={asked} draft={draft} onChange={onChange} among={open} />}
      <div className="row">
        <label className="field">
          Report it as
          <select value={draft.status} onChange={(event) => onChange({ status: event.target.value })}>
            {REPORTABLE.map((status) => (
              <option key={status.name} value={status.name}>
                {status.label}
              </option>
            ))}
          </select>
        </label>
        {draft.status !== NAMES.completed && (
          <div className="grow">
            <Reason draft={draft} onChange={onChange} />
          </div>
        )}
      </div>
      <Json label="Output of the task" text={draft.output ?? "{}"} onChange={(output) => onChange({ output })} />
    </>
  );
}

/** Tasks that the run has not come to. */
function unreached({ definition, tasks }: Overview): readonly TaskTarget[] {
  const reached = new Set(tasks.map((row) => row.referenceTaskName.replace(/__\d+$/, "")));
  return references(definition)
    .filter((name) => !reached.has(name))
    .map((referenceTaskName) => ({ referenceTaskName }));
}
const open = ({ tasks }: Overview): readonly TaskTarget[] =>
  tasks
    .filter((row) => !taskStatus(row.status).ended)
    .map(({ taskId, referenceTaskName }) => ({ taskId, referenceTaskName }));

function ChooseTask({ asked, draft, onChange, among }: Props & { among: (overview: Overview) => readonly TaskTarget[] }) {
  const overview = useQuery({
    queryKey: keys.runPart(asked.workflowId, "overview of operations"),
    queryFn: ({ signal }) => overviewOf(asked.workflowId, signal),
  });
  if (!overview.data) return overview.error ? <p role="alert">{words(overview.error)}</p> : <Loading what="its tasks" />;
  const targets = among(overview.data);
  const value = (target: TaskTarget | undefined) => target?.taskId ?? target?.referenceTaskName ?? "";
  return (
    <label className="field">
      Task
      <select
        value={value(draft.task)}
        onChange={(event) => onChange({ task: targets.find((target) => value(target) === event.target.value) })}
      >
        <option value="">{targets.length === 0 ? "There is none" : "Choose a task"}</option>
        {targets.map((target) => (
          <option key={value(target)} value={value(target)}>
            {target.referenceTaskName}
          </option>
        ))}
      </select>
    </label>
  );
}

interface EditedProps {
  label: string;
  /** Of the box that opens it. */
  asks: string;
  help?: string;
  text: string | undefined;
  onChange: (text: string | undefined) => void;
  /** What it is if nobody changes it. */
  first: () => Promise<unknown>;
  id: string;
}

/** An input that stays what it was unless somebody wants to change it: then the editor is fetched. */
function Edited({ label, asks, help, text, onChange, first, id }: EditedProps) {
  const before = useQuery({
    queryKey: ["operations", "first", label, id],
    queryFn: async () => JSON.stringify(await first(), null, 2),
    enabled: false,
    retry: false,
  });
  const begin = async () => {
    const { data, error } = await before.refetch();
    if (!error && data !== undefined) onChange(data);
  };
  return (
    <div className="column">
      <label className="row">
        <input
          type="checkbox"
          checked={text !== undefined}
          onChange={(event) => (event.target.checked ? void begin() : onChange(undefined))}
        />
        {asks}
      </label>
      {before.error && text === undefined && <p role="alert">{words(before.error)}</p>}
      {text !== undefined && (
        <>
          {help && <p className="soft">{help}</p>}
          <Json label={label} text={text} onChange={onChange} />
        </>
      )}
    </div>
  );
}

function Json({ label, text, onChange }: { label: string; text: string; onChange: (text: string) => void }) {
  const problem = wrong(text);
  return (
    <div className="field">
      <span aria-hidden="true">{label}</span>
      <div className="operation-json">
        <Code label={label} value={text} onChange={onChange} language="json" height="auto" />
      </div>
      {problem && (
        <span className="wrong" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}
