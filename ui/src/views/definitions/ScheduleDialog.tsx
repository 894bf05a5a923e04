import { use, useDeferredValue, useId, useState, type FormEvent } from "react";
import { useNames } from "../../api/queries/definitions";
import { useNextFires, useSaveSchedule, type Cron, type Schedule } from "../../api/queries/schedules";
import { exact } from "../../model/duration";
import { crons, cronText, NEW_SCHEDULE, savedSchedule, scheduleFaults, scheduleForm, type ScheduleForm } from "../../model/schedule";
import { domains, inputFault, priorityFault, startRequest } from "../../model/start";
import { Dialog } from "../../widgets/Dialog";
import { words } from "../../widgets/ErrorState";
import { Time, UtcContext } from "../../widgets/Time";
import { useToast } from "../../widgets/Toast";
import { Refused } from "../shared/Refused";
import { StartForm } from "../start/StartForm";

interface Props {
  /** The one to change; a new one if absent. */
  schedule: Schedule | undefined;
  taken: (name: string) => boolean;
  onClose: () => void;
}

/** Creates or changes a schedule, and shows when it would fire. */
export function ScheduleDialog({ schedule, taken, onClose }: Props) {
  const [form, setForm] = useState<ScheduleForm>(() => (schedule ? scheduleForm(schedule) : NEW_SCHEDULE));
  const [tried, setTried] = useState(false);
  const save = useSaveSchedule();
  const toast = useToast();
  const change = (part: Partial<ScheduleForm>) => setForm((before) => ({ ...before, ...part }));
  const faults = scheduleFaults(form, schedule ? () => false : taken);
  const ofStart = { input: inputFault(form.start.input), priority: priorityFault(form.start.priority), domains: domains(form.start.domains).fault };
  const faulty = Object.keys(faults).length > 0 || Object.values(ofStart).some((fault) => fault !== null);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (faulty || save.isPending) return;
    const version = form.version.trim() === "" ? undefined : Number(form.version);
    save.mutate(savedSchedule(form, schedule, startRequest(form.workflow.trim(), version, form.start)), {
      onSuccess: () => {
        toast({ text: `The schedule ${form.name.trim()} is saved.` });
        onClose();
      },
    });
  };
  const wrong = (name: keyof ScheduleForm) => tried && faults[name] && <span className="wrong">{faults[name]}</span>;
  const title = schedule ? `Change the schedule ${schedule.name}` : "Schedule a workflow";
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title={title} width={760}>
      <form className="column" noValidate onSubmit={submit} aria-label={title}>
        <div className="taskdef-form">
          <label className="field">
            Name
            <input value={form.name} readOnly={schedule !== undefined} onChange={(event) => change({ name: event.target.value })} autoComplete="off" />
            {wrong("name")}
          </label>
          <WorkflowField value={form.workflow} onChange={(workflow) => change({ workflow })} wrong={wrong("workflow")} />
          <label className="field">
            Version
            <input value={form.version} placeholder="The latest" inputMode="numeric" onChange={(event) => change({ version: event.target.value })} />
            {wrong("version")}
          </label>
          <label className="field">
            Cron expression
            <input
              className="mono"
              value={form.several ? crons(schedule as Schedule).map((each) => each.cron).join("; ") : form.cron}
              readOnly={form.several}
              onChange={(event) => change({ cron: event.target.value })}
              autoComplete="off"
              spellCheck={false}
            />
            <span className="help">
              {form.several ? "Several expressions are changed by the API only." : "Second, minute, hour, day, month, weekday; or @daily and the like."}
            </span>
            {wrong("cron")}
          </label>
          <ZoneField value={form.zone} onChange={(zone) => change({ zone })} />
          <label className="field">
            Not before (UTC)
            <input type="datetime-local" value={form.from} onChange={(event) => change({ from: event.target.value })} />
          </label>
          <label className="field">
            Not after (UTC)
            <input type="datetime-local" value={form.until} onChange={(event) => change({ until: event.target.value })} />
            {wrong("until")}
          </label>
        </div>
        <Preview form={form} several={form.several && schedule ? crons(schedule) : undefined} />
        <div className="row">
          <label className="row">
            <input type="checkbox" checked={form.catchUp} onChange={(event) => change({ catchUp: event.target.checked })} /> Make up for what was missed
            while the server was away
          </label>
          <label className="row">
            <input type="checkbox" checked={form.paused} onChange={(event) => change({ paused: event.target.checked })} /> Paused
          </label>
        </div>
        <label className="field">
          Description
          <input value={form.description} onChange={(event) => change({ description: event.target.value })} autoComplete="off" />
        </label>
        <StartForm start={form.start} onChange={(start) => change({ start })} faults={tried ? ofStart : { ...ofStart, priority: null, domains: null }} />
        {save.error && <Refused error={save.error} />}
        <div className="row">
          <button type="submit" className="button main" disabled={save.isPending}>
            {save.isPending ? "Saving …" : "Save the schedule"}
          </button>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Suggestions are cut: a browser is slow with ten thousand of them. */
const MOST = 200;

function WorkflowField({ value, onChange, wrong }: { value: string; onChange: (value: string) => void; wrong: React.ReactNode }) {
  const id = useId();
  const names = useNames();
  const fitting = (names.data ?? []).filter((each) => each.name.toLowerCase().includes(value.toLowerCase())).slice(0, MOST);
  return (
    <label className="field">
      Workflow
      <input value={value} list={id} onChange={(event) => onChange(event.target.value)} autoComplete="off" />
      <datalist id={id}>
        {fitting.map((each) => (
          <option key={each.name} value={each.name} />
        ))}
      </datalist>
      {wrong}
      {value !== "" && names.data && !names.data.some((each) => each.name === value) && (
        <span className="help tone-warn">There is no definition of this name yet.</span>
      )}
    </label>
  );
}

const ZONES: readonly string[] = ["UTC", ...Intl.supportedValuesOf("timeZone")];

function ZoneField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const id = useId();
  return (
    <label className="field">
      Time zone
      <input value={value} list={id} onChange={(event) => onChange(event.target.value)} autoComplete="off" />
      <datalist id={id}>
        {ZONES.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </label>
  );
}

/** The next fires of what is typed, or why there are none. */
function Preview({ form, several }: { form: ScheduleForm; several: readonly Cron[] | undefined }) {
  const utc = use(UtcContext);
  const cron = useDeferredValue(form.cron.trim());
  const zone = form.zone.trim() || "UTC";
  const range = { from: form.from ? Date.parse(`${form.from}Z`) : undefined, until: form.until ? Date.parse(`${form.until}Z`) : undefined };
  const next = useNextFires(several ?? (cron === "" ? [] : [{ cron, zone }]), range, 5);
  const said = several ? cron : cronText(cron);
  return (
    <div role="status" aria-label="Next fires">
      {said !== cron && <strong>{said}. </strong>}
      {next.error ? (
        <span className="tone-bad">{words(next.error)}</span>
      ) : next.data?.length === 0 ? (
        <span className="tone-warn">It would never fire.</span>
      ) : (
        <>
          <span className="soft">It would fire:</span>
          <ol className="fires">
            {next.data?.map((at) => (
              <li key={at}>
                {exact(at, utc).replace(".000", "")} (<Time at={at} />)
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}
