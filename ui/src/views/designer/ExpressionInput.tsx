import { useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { complete, openExpression, type Offer } from "../../model/designer/expressions";

interface Props {
  id: string;
  value: string;
  onChange: (text: string) => void;
  offers: readonly Offer[];
  placeholder?: string;
  lines?: boolean;
  "aria-label"?: string;
}

const SHOWN = 12;

/** A text in which `${` offers what has ended before: inputs, variables and the outputs of earlier nodes. */
export function ExpressionInput({ id, value, onChange, offers, lines = false, ...rest }: Props) {
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const [caret, setCaret] = useState<number | undefined>();
  const [chosen, setChosen] = useState(0);
  const after = useRef<number | undefined>(undefined);
  const open = caret === undefined ? undefined : openExpression(value, caret);
  const typed = open?.typed.toLowerCase() ?? "";
  const found = open ? offers.filter((offer) => offer.text.toLowerCase().includes(typed) && offer.text !== open.typed).slice(0, SHOWN) : [];
  const at = Math.min(chosen, found.length - 1);

  useLayoutEffect(() => {
    if (after.current === undefined) return;
    field.current?.setSelectionRange(after.current, after.current);
    after.current = undefined;
  }, [value]);

  const take = (offer: Offer) => {
    const next = complete(value, caret ?? value.length, offer.text);
    after.current = next.caret;
    setCaret(undefined);
    onChange(next.text);
    field.current?.focus();
  };
  const key = (event: KeyboardEvent) => {
    if (found.length === 0) return;
    if (event.key === "ArrowDown") setChosen((at + 1) % found.length);
    else if (event.key === "ArrowUp") setChosen((at + found.length - 1) % found.length);
    else if (event.key === "Enter" || event.key === "Tab") take(found[at] as Offer);
    else if (event.key === "Escape") setCaret(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const list = `${id}-offers`;
  const props = {
    ...rest,
    ref: field,
    id,
    value,
    role: "combobox",
    autoComplete: "off",
    spellCheck: false,
    className: "mono",
    "aria-autocomplete": "list" as const,
    "aria-expanded": found.length > 0,
    "aria-controls": list,
    ...(found.length > 0 ? { "aria-activedescendant": `${list}-${at}` } : {}),
    onChange: (event: { target: HTMLInputElement | HTMLTextAreaElement }) => {
      setCaret(event.target.selectionStart ?? undefined);
      setChosen(0);
      onChange(event.target.value);
    },
    onKeyDown: key,
    onBlur: () => setCaret(undefined),
    onClick: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => setCaret(event.currentTarget.selectionStart ?? undefined),
  };
  return (
    <div className="designer-expression">
      {lines ? <textarea rows={Math.min(8, Math.max(2, value.split("\n").length))} {...props} /> : <input type="text" {...props} />}
      <ul id={list} role="listbox" aria-label="What can be named here" className="menu designer-offers" hidden={found.length === 0}>
        {found.map((offer, each) => (
          // the field keeps the focus: keys are heard there
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <li
            key={offer.text}
            id={`${list}-${each}`}
            role="option"
            aria-selected={each === at}
            className="menu-item"
            data-highlighted={each === at ? "" : undefined}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(offer)}
          >
            <code className="grow cut">{offer.text}</code>
            <span className="soft">{offer.about}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
