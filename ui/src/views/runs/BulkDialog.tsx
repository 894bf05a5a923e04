import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "../../api/keys";
import { beginBulk, countScope } from "../../api/queries/bulk";
import { CAP, effect, fitting, grave, runs, totalOf, verbName, type BulkChoices, type BulkVerb, type Counts, type Scope } from "../../model/bulk";
import { RUN_STATUSES, runStatus } from "../../model/status";
import { Dialog } from "../../widgets/Dialog";
import { words } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { StatusMark } from "../../widgets/StatusMark";
import { BulkProgress } from "./BulkProgress";

export interface BulkAsked {
  verb: BulkVerb;
  scope: Scope;
  /** The filters in words, for whoever reads what is about to happen. */
  says: string;
}

/** Works where the page is not served securely, too. */
const freshName = (): string => `ui-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;

/** The count first, then the deed, then its progress and what became of each. */
export function BulkDialog({ asked, onClose, onBegun }: { asked: BulkAsked; onClose: () => void; onBegun: () => void }) {
  const { verb, scope } = asked;
  const [choices, setChoices] = useState<BulkChoices>({ reason: "", latestDefinition: false, archive: true });
  const [sure, setSure] = useState(false);
  const [begun, setBegun] = useState<readonly string[]>();
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const [name] = useState(freshName);
  const count = useQuery({
    queryKey: [...keys.runs, "bulk count", scope],
    queryFn: ({ signal }) => countScope(scope, signal),
    gcTime: 0,
    enabled: begun === undefined,
  });
  const all = count.data ? totalOf(count.data.counts) : 0;
  const taken = Math.min(count.data ? fitting(verb, count.data.counts, choices).fit : 0, CAP);
  const act = async () => {
    setBusy(true);
    setRefusal(undefined);
    try {
      setBegun(await beginBulk(verb, choices, scope, taken, name));
      onBegun();
    } catch (error) {
      setRefusal(words(error));
    } finally {
      setBusy(false);
    }
  };
  const forGood = verb === "remove" && !choices.archive;
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title={begun ? `${verbName(verb, choices)}: progress` : `${verbName(verb)} many runs`}
      description={asked.says}
      width={680}
    >
      {begun ? (
        <BulkProgress ids={begun} onClose={onClose} />
      ) : (
        <form
          className="column"
          onSubmit={(event) => {
            event.preventDefault();
            if (count.data && taken > 0 && !busy && (!forGood || sure)) void act();
          }}
        >
          <BulkFields verb={verb} choices={choices} onChange={(part) => setChoices((before) => ({ ...before, ...part }))} />
          {count.error ? (
            <p role="alert">The runs could not be counted: {words(count.error)}</p>
          ) : count.data ? (
            <Counted verb={verb} choices={choices} counts={count.data.counts} all={all} exact={count.data.exact} />
          ) : (
            <Loading what="how many there are" />
          )}
          <p>{effect(verb, choices)}</p>
          {forGood && (
            <label className="row">
              <input type="checkbox" checked={sure} onChange={(event) => setSure(event.target.checked)} />
              I know that {runs(taken)} will be gone for good
            </label>
          )}
          {refusal && <p role="alert">Refused: {refusal}</p>}
          <div className="row runs-end">
            <button type="button" className="button" onClick={onClose}>
              Leave them as they are
            </button>
            <button
              type="submit"
              className={`button ${grave(verb) ? "danger" : "main"}`}
              disabled={!count.data || taken === 0 || busy || (forGood && !sure)}
            >
              {verbName(verb, choices)} {count.data ? runs(taken) : "…"}
              {forGood ? " for good" : ""}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Counted({ verb, choices, counts, all, exact }: { verb: BulkVerb; choices: BulkChoices; counts: Counts; all: number; exact: boolean }) {
  const { fit, others } = fitting(verb, counts, choices);
  const shown = [...RUN_STATUSES.map((status) => status.name), ...Object.keys(counts).filter((name) => runStatus(name).verbs.length === 0)]
    .filter((status, i, list) => (counts[status] ?? 0) > 0 && list.indexOf(status) === i);
  return (
    <section className="column" aria-label="Count" aria-live="polite">
      <p>
        <strong>
          {runs(all)}
          {exact ? "" : " at least"}
        </strong>
        {all > CAP ? `, of which the ${CAP.toLocaleString("en")} newest are taken: the server takes no more at once` : ""}
      </p>
      <ul className="row runs-statuses" aria-label="By status">
        {shown.map((name) => (
          <li key={name} className="row">
            <StatusMark status={runStatus(name)} /> {counts[name]?.toLocaleString("en")}
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <p>
          It is for {runs(fit)} of them. The others stay as they are:{" "}
          {others.map(([status, number]) => `${number.toLocaleString("en")} ${runStatus(status).label.toLowerCase()}`).join(", ")}.
        </p>
      )}
    </section>
  );
}

function BulkFields({ verb, choices, onChange }: { verb: BulkVerb; choices: BulkChoices; onChange: (part: Partial<BulkChoices>) => void }) {
  if (verb === "terminate")
    return (
      <label className="field">
        Reason
        <input value={choices.reason} maxLength={500} onChange={(event) => onChange({ reason: event.target.value })} />
      </label>
    );
  if (verb === "restart")
    return (
      <label className="row">
        <input type="checkbox" checked={choices.latestDefinition} onChange={(event) => onChange({ latestDefinition: event.target.checked })} />
        By the latest version of the definition
      </label>
    );
  if (verb === "remove")
    return (
      <div className="row" role="radiogroup" aria-label="How they are removed">
        <label className="row">
          <input type="radio" name="bulk-archive" checked={choices.archive} onChange={() => onChange({ archive: true })} />
          Archive them
        </label>
        <label className="row">
          <input type="radio" name="bulk-archive" checked={!choices.archive} onChange={() => onChange({ archive: false })} />
          Delete them for good
        </label>
      </div>
    );
  return null;
}
