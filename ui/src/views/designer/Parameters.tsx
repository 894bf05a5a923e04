import { useId, useState } from "react";
import { isMembers } from "../../model/designer/document";
import type { Offer } from "../../model/designer/expressions";
import { ExpressionInput } from "./ExpressionInput";
import { JsonInput } from "./JsonInput";

interface Props {
  id: string;
  label: string;
  value: unknown;
  offers: readonly Offer[];
  /** Names that have fields of their own. */
  elsewhere: ReadonlySet<string>;
  onChange: (value: unknown) => void;
}

/** Names with values: a text is typed as it is, anything else as JSON. */
export function Parameters({ id, label, value, offers, elsewhere, onChange }: Props) {
  const own = useId();
  const [name, setName] = useState("");
  const [asJson, setAsJson] = useState(false);
  if (value !== undefined && value !== null && !isMembers(value)) {
    // one ${…} in the place of all of them, or what nobody expects here
    return <JsonInput id={id} label={label} value={value} onChange={onChange} />;
  }
  const members = value ?? {};
  const names = Object.keys(members).filter((each) => !elsewhere.has(each));
  const add = () => {
    if (name === "" || name in members) return;
    onChange({ ...members, [name]: "" });
    setName("");
  };
  if (asJson) {
    return (
      <>
        <JsonInput id={id} label={label} value={members} onChange={(next) => onChange(next ?? {})} check={mustBeMembers} />
        <button type="button" className="button quiet designer-switch" onClick={() => setAsJson(false)}>
          Show as a list
        </button>
      </>
    );
  }
  return (
    <div className="designer-parameters" role="group" aria-label={label}>
      {names.map((each) => (
        <div key={each} className="designer-parameter">
          <label htmlFor={`${own}-${each}`} className="mono cut" title={each}>
            {each}
          </label>
          {typeof members[each] === "string" ? (
            <ExpressionInput
              id={`${own}-${each}`}
              value={members[each]}
              offers={offers}
              onChange={(text) => onChange({ ...members, [each]: text })}
            />
          ) : (
            <JsonInput
              id={`${own}-${each}`}
              label={each}
              value={members[each]}
              onChange={(next) => onChange({ ...members, [each]: next ?? "" })}
            />
          )}
          <button
            type="button"
            className="button quiet"
            aria-label={`Remove ${each}`}
            onClick={() => onChange(Object.fromEntries(Object.entries(members).filter(([other]) => other !== each)))}
          >
            ✕
          </button>
        </div>
      ))}
      <div className="row">
        <input
          id={id}
          type="text"
          className="grow"
          value={name}
          placeholder="Name"
          aria-label={`Name of one more in ${label}`}
          onChange={(event) => setName(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            add();
          }}
        />
        <button type="button" className="button" onClick={add} disabled={name === "" || name in members}>
          Add
        </button>
        <button type="button" className="button quiet" onClick={() => setAsJson(true)}>
          As JSON
        </button>
      </div>
    </div>
  );
}

export const mustBeMembers = (value: unknown): string | undefined => (isMembers(value) ? undefined : "It has to be an object.");
