import { useId, useState } from "react";

interface Props {
  id?: string;
  label: string;
  value: unknown;
  onChange: (value: unknown) => void;
  /** Of the whole value: a list of members, for instance, is asked to be an object. */
  check?: (value: unknown) => string | undefined;
}

/** Any JSON as text. What cannot be read stays in the field, and is not taken over. */
export function JsonInput({ label, value, onChange, check, ...rest }: Props) {
  const own = useId();
  const given = value === undefined ? "" : JSON.stringify(value, null, 2);
  const [typed, setTyped] = useState<{ text: string; given: string; wrong?: string } | undefined>();
  // a value that was changed elsewhere counts more than what is typed here
  const mine = typed?.given === given ? typed : undefined;
  const text = mine?.text ?? given;
  const read = (next: string) => {
    if (next.trim() === "") {
      setTyped({ text: next, given: "" });
      onChange(undefined);
      return;
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(next) as unknown;
    } catch (error) {
      setTyped({ text: next, given, wrong: error instanceof Error ? error.message : "This is no JSON." });
      return;
    }
    const wrong = check?.(parsed);
    if (wrong !== undefined) {
      setTyped({ text: next, given, wrong });
      return;
    }
    setTyped({ text: next, given: JSON.stringify(parsed, null, 2) });
    onChange(parsed);
  };
  return (
    <>
      <textarea
        {...rest}
        aria-label={label}
        className="mono"
        spellCheck={false}
        rows={Math.min(14, Math.max(3, text.split("\n").length))}
        value={text}
        onChange={(event) => read(event.target.value)}
        {...(mine?.wrong ? { "aria-invalid": true, "aria-errormessage": own } : {})}
      />
      {mine?.wrong && (
        <span id={own} className="wrong" role="alert">
          Not taken over: {mine.wrong}
        </span>
      )}
    </>
  );
}
