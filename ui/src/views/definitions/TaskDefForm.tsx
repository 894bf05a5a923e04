import { useId, useState } from "react";
import { fieldText, TASK_FIELDS, TASK_GROUPS, withField, type TaskDoc, type TaskField } from "../../model/taskdef";

interface Props {
  doc: TaskDoc;
  onChange: (doc: TaskDoc) => void;
  /** The name is what a definition is known by: it cannot be changed. */
  fixedName: boolean;
  faults: ReadonlyMap<string, string>;
  /** What the server said of each field. */
  refused: ReadonlyMap<string, readonly string[]> | undefined;
}

/** The fields of a task definition, from their one description. */
export function TaskDefForm({ doc, onChange, fixedName, faults, refused }: Props) {
  return TASK_GROUPS.map((group) => (
    <fieldset key={group} className="plain">
      <legend>{group}</legend>
      <div className="taskdef-form">
        {TASK_FIELDS.filter((each) => each.group === group).map((each) => (
          <Field
            key={each.name}
            field={each}
            value={doc[each.name]}
            readOnly={fixedName && each.name === "name"}
            wrong={[faults.get(each.name), ...(refused?.get(each.name) ?? [])].filter((text) => text !== undefined).join(" ")}
            onText={(text) => onChange(withField(doc, each, text))}
            onFlag={(on) => onChange({ ...doc, [each.name]: on })}
          />
        ))}
      </div>
    </fieldset>
  ));
}

interface FieldProps {
  field: TaskField;
  value: unknown;
  readOnly: boolean;
  wrong: string;
  onText: (text: string) => void;
  onFlag: (on: boolean) => void;
}

function Field({ field, value, readOnly, wrong, onText, onFlag }: FieldProps) {
  const id = useId();
  const common = { id, "aria-invalid": wrong !== "", "aria-describedby": `${id}-about` };
  const text = fieldText(field, value);
  if (field.kind === "flag") {
    return (
      <label className="row wide">
        <input type="checkbox" checked={value === true} onChange={(event) => onFlag(event.target.checked)} /> {field.label}
      </label>
    );
  }
  const wide = field.kind === "area" || field.kind === "json" || field.kind === "lines";
  return (
    <div className={`field ${field.kind === "area" ? "wide" : ""}`}>
      <label htmlFor={id}>{field.label}</label>
      {field.kind === "choice" ? (
        <select {...common} value={text} onChange={(event) => onText(event.target.value)}>
          <option value="">As the server has it</option>
          {field.choices?.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
          {text !== "" && !field.choices?.some((choice) => choice.value === text) && <option value={text}>{text}</option>}
        </select>
      ) : field.kind === "json" ? (
        <JsonText {...common} text={text} onText={onText} />
      ) : wide ? (
        <textarea {...common} className={field.kind === "lines" ? "mono" : undefined} value={text} onChange={(event) => onText(event.target.value)} />
      ) : (
        <input
          {...common}
          className={field.kind === "whole" ? "number" : undefined}
          inputMode={field.kind === "whole" ? "numeric" : undefined}
          value={text}
          readOnly={readOnly}
          onChange={(event) => onText(event.target.value)}
          autoComplete="off"
        />
      )}
      <span id={`${id}-about`} className={wrong ? "wrong" : "help"}>
        {wrong || field.help}
      </span>
    </div>
  );
}

/** Keeps the text as it is typed: the value it stands for has no blanks to give back. */
function JsonText({ text, onText, ...rest }: { text: string; onText: (text: string) => void; id: string }) {
  const [typed, setTyped] = useState(text);
  return (
    <textarea
      {...rest}
      className="mono"
      spellCheck={false}
      value={typed}
      onChange={(event) => {
        setTyped(event.target.value);
        onText(event.target.value);
      }}
    />
  );
}
