import { useId, type ReactNode } from "react";
import { getAt, isAsked, setAt, type Field as Described } from "../../model/designer/fields";
import type { Offer } from "../../model/designer/expressions";
import type { Members } from "../../model/designer/document";
import { ExpressionInput } from "./ExpressionInput";
import { JsonInput } from "./JsonInput";
import { Parameters } from "./Parameters";
import { UriInput } from "./UriInput";

export interface FieldsProps {
  fields: readonly Described[];
  members: Members;
  onChange: (members: Members, field: string) => void;
  offers: readonly Offer[];
  /** What is wrong, by the name of the field. */
  wrong?: ReadonlyMap<string, string>;
}

/** A form: one row for each field of a description. */
export function Fields({ fields, members, onChange, offers, wrong }: FieldsProps) {
  return (
    <>
      {fields.filter((field) => isAsked(field, members, fields)).map((field) => (
        <FieldRow
          key={field.name}
          field={field}
          members={members}
          offers={offers}
          fields={fields}
          wrong={wrong?.get(field.name)}
          onChange={(value) => onChange(setAt(members, field.name, value), field.name)}
        />
      ))}
    </>
  );
}

interface RowProps {
  field: Described;
  members: Members;
  offers: readonly Offer[];
  /** All of the form: what has a field of its own is in no list of parameters. */
  fields: readonly Described[];
  wrong: string | undefined;
  onChange: (value: unknown) => void;
}

function FieldRow({ field, members, offers, fields, wrong, onChange }: RowProps) {
  const id = useId();
  const value = getAt(members, field.name);
  const note = `${id}-note`;
  const described = field.help || wrong ? { "aria-describedby": note } : {};
  const common = { id, ...described, "aria-invalid": wrong !== undefined, "data-field": field.name };
  // an empty text is no value: a member that is not asked for is not written
  const write = (text: string) => onChange(text === "" ? undefined : text);
  const shown = typeof value === "string" || typeof value === "number" ? String(value) : "";
  const preset = field.default === undefined ? (field.placeholder ?? "") : String(field.default);
  const foreign = value !== undefined && value !== null && typeof value === "object";
  let control: ReactNode;
  switch (field.type) {
    case "switch":
      return (
        <div className="field">
          <label className="row">
            <input
              type="checkbox"
              {...common}
              checked={value === undefined || value === null ? field.default === true : value === true}
              onChange={(event) => onChange(event.target.checked === (field.default === true) ? undefined : event.target.checked)}
            />
            {field.label}
          </label>
          <Note id={note} help={field.help} wrong={wrong} />
        </div>
      );
    case "json":
      control = <JsonInput {...common} label={field.label} value={value} onChange={onChange} />;
      break;
    case "parameters":
      control = <Parameters {...common} label={field.label} value={value} offers={offers} elsewhere={elsewhere(field, fields)} onChange={onChange} />;
      break;
    case "names":
      control = (
        <textarea
          {...common}
          rows={Math.min(6, Math.max(2, Array.isArray(value) ? value.length + 1 : 2))}
          value={Array.isArray(value) ? value.join("\n") : ""}
          onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value.split("\n"))}
          onBlur={() => Array.isArray(value) && onChange(cleaned(value))}
        />
      );
      break;
    case "select":
      control = (
        <select {...common} value={shown} onChange={(event) => write(event.target.value)}>
          <option value="">{preset ? `${preset} (usual)` : "–"}</option>
          {shown !== "" && !field.options?.some((option) => option.value === shown) && <option value={shown}>{shown}</option>}
          {field.options?.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      );
      break;
    case "number":
      control =
        typeof value === "string" && value !== "" ? (
          // an expression where usually a number stands
          <input type="text" {...common} value={value} onChange={(event) => write(event.target.value)} />
        ) : (
          <input
            type="number"
            {...common}
            value={shown}
            placeholder={preset}
            onChange={(event) => onChange(event.target.value === "" ? undefined : Number(event.target.value))}
          />
        );
      break;
    case "long":
      control = <textarea {...common} rows={3} value={shown} placeholder={preset} onChange={(event) => write(event.target.value)} />;
      break;
    case "uri":
      control = <UriInput {...common} value={shown} onChange={write} />;
      break;
    case "expression":
    case "script":
      control = foreign ? (
        <JsonInput {...common} label={field.label} value={value} onChange={onChange} />
      ) : (
        <ExpressionInput {...common} value={shown} placeholder={preset} lines={field.type === "script"} offers={offers} onChange={write} />
      );
      break;
    default:
      control = foreign ? (
        <JsonInput {...common} label={field.label} value={value} onChange={onChange} />
      ) : (
        <input type="text" {...common} value={shown} placeholder={preset} onChange={(event) => write(event.target.value)} />
      );
  }
  return (
    <div className="field">
      <label htmlFor={id}>
        {field.label}
        {field.required && <span className="soft"> (needed)</span>}
      </label>
      {control}
      <Note id={note} help={field.help} wrong={wrong} />
    </div>
  );
}

const elsewhere = (field: Described, fields: readonly Described[]): ReadonlySet<string> =>
  new Set(
    fields.flatMap(({ name }) => (name.startsWith(`${field.name}.`) ? [name.slice(field.name.length + 1).replace(/\..*/, "")] : [])),
  );

const cleaned = (names: readonly unknown[]): unknown => {
  const kept = names.filter((name) => typeof name !== "string" || name.trim() !== "").map((name) => (typeof name === "string" ? name.trim() : name));
  return kept.length === 0 ? undefined : kept;
};

function Note({ id, help, wrong }: { id: string; help: string | undefined; wrong: string | undefined }) {
  if (!help && !wrong) return null;
  return (
    <span id={id} className={wrong ? "wrong" : "help"}>
      {wrong ?? help}
    </span>
  );
}
