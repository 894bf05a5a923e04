import { useState, type FormEvent, type KeyboardEvent } from "react";
import { useNavigate } from "react-router";
import { remember, remembered } from "../../app/preferences";
import { useDefinition, useStart, useVersions } from "../../api/queries/definitions";
import { relative } from "../../model/duration";
import { links } from "../../model/links";
import { domains, expectedInput, inputFault, NOTHING, priorityFault, readStarts, startLabel, startRequest, withStart, type Start } from "../../model/start";
import { Dialog } from "../../widgets/Dialog";
import { ErrorState } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { useToast } from "../../widgets/Toast";
import { Refused } from "../shared/Refused";
import { StartForm } from "./StartForm";
import "./start.css";

interface Props {
  name: string;
  /** The latest if absent. */
  version?: number | undefined;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Starts a run of a definition, with its input, and remembers in this browser what was started. */
export function StartDialog({ name, version, open, onOpenChange }: Props) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={`Start ${name}`} width={680}>
      {open && <Begin name={name} version={version} close={() => onOpenChange(false)} />}
    </Dialog>
  );
}

/** The form begins with what the definition expects, so the definition comes first. */
function Begin({ name, version, close }: { name: string; version: number | undefined; close: () => void }) {
  const definition = useDefinition(name, version);
  if (definition.data) return <Filled name={name} version={version} expected={expectedInput(definition.data)} close={close} />;
  if (definition.error) {
    const again = (
      <button type="button" className="button" onClick={() => void definition.refetch()}>
        Ask for it again
      </button>
    );
    return <ErrorState title="The definition could not be loaded" error={definition.error} action={again} />;
  }
  return <Loading what="the definition" />;
}

const keyOf = (name: string) => `podium.starts.${name}`;

function Filled({ name, version: given, expected, close }: { name: string; version: number | undefined; expected: string; close: () => void }) {
  const [start, setStart] = useState<Start>({ ...NOTHING, input: expected });
  const [version, setVersion] = useState(given);
  const [earlier] = useState(() => readStarts(remembered(keyOf(name))));
  const [opened] = useState(() => Date.now());
  const [tried, setTried] = useState(false);
  const versions = useVersions(name);
  const run = useStart();
  const toast = useToast();
  const navigate = useNavigate();
  const faults = { input: inputFault(start.input), priority: priorityFault(start.priority), domains: domains(start.domains).fault };
  const faulty = Object.values(faults).some((fault) => fault !== null);

  const submit = () => {
    setTried(true);
    if (faulty || run.isPending) return;
    run.mutate(startRequest(name, version, start), {
      onSuccess: (id) => {
        remember(keyOf(name), JSON.stringify(withStart(earlier, start, Date.now())));
        toast({ text: `${name} has started.`, action: { title: "Open the run", run: () => void navigate(links.run(id)) } });
        close();
      },
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    }
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit();
  };

  return (
    // the key works in every field of the form, which is where the focus is
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <form className="column" onSubmit={onSubmit} onKeyDown={onKeyDown} aria-label={`Start ${name}`} noValidate>
      {earlier.length > 0 && (
        <label className="field">
          Begin with
          <select
            defaultValue=""
            onChange={(event) => {
              const chosen = event.target.value === "" ? undefined : earlier[Number(event.target.value)];
              setStart(chosen ?? { ...NOTHING, input: expected });
            }}
          >
            <option value="">What the definition expects</option>
            {earlier.map((each, i) => (
              <option key={each.at} value={i}>
                {relative(each.at, opened)} · {startLabel(each)}
              </option>
            ))}
          </select>
        </label>
      )}
      <StartForm start={start} onChange={setStart} faults={tried ? faults : { ...faults, priority: null, domains: null }}>
        <label className="field">
          Version
          <select value={version ?? ""} onChange={(event) => setVersion(event.target.value === "" ? undefined : Number(event.target.value))}>
            <option value="">The latest</option>
            {versions.data?.map((each) => (
              <option key={each.version} value={each.version}>
                {each.version}
              </option>
            ))}
            {given !== undefined && !versions.data?.some((each) => each.version === given) && <option value={given}>{given}</option>}
          </select>
        </label>
      </StartForm>
      {run.error && <Refused error={run.error} />}
      <div className="row">
        <button type="submit" className="button main" disabled={run.isPending}>
          {run.isPending ? "Starting …" : "Start the run"}
        </button>
        <button type="button" className="button" onClick={close}>
          Cancel
        </button>
        <span className="grow" />
        <span className="soft">
          <kbd>Ctrl</kbd> <kbd>Enter</kbd> starts it too
        </span>
      </div>
    </form>
  );
}
