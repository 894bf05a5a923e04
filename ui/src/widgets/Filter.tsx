import { useEffect, useRef, useState } from "react";
import "./widgets.css";

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  placeholder?: string;
  /** What is left, for instance `12 of 40 queues`; screen readers hear it. */
  count?: string;
}

/** A line to filter a list by. What is typed shows at once, and is told when the typing rests. */
export function Filter({ value, onChange, label, placeholder, count }: Props) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  const timer = useRef<number>(undefined);
  // it was changed from elsewhere: by a link, or by going back
  useEffect(() => {
    if (value !== told.current) {
      told.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const tell = (next: string) => {
    setText(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      told.current = next;
      onChange(next);
    }, 120);
  };
  return (
    <span className="row">
      <input
        type="search"
        aria-label={label}
        placeholder={placeholder ?? label}
        value={text}
        data-filter
        onChange={(event) => tell(event.target.value)}
        style={{ width: 280 }}
      />
      {count !== undefined && (
        <span className="soft" role="status">
          {count}
        </span>
      )}
    </span>
  );
}

/** Puts the cursor into the filter of the page. */
export const focusFilter = (): void => document.querySelector<HTMLInputElement>("[data-filter]")?.focus();
