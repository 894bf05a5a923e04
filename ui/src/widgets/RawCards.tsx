/** What cannot be drawn, as it came: a list of cards. */
import { StatusMark } from "./StatusMark";
import type { Status } from "../model/status";
import "./dag/dag.css";

export interface RawCard {
  key: string;
  title: string;
  type?: string;
  status?: Status | undefined;
  /** Shown as text, its beginning only. */
  source?: unknown;
  onSelect?: (() => void) | undefined;
}

/** Longer texts are cut: the JSON view has the whole. */
const SHOWN = 4_000;

export function RawCards({ cards, label }: { cards: readonly RawCard[]; label: string }) {
  return (
    <ul className="raw-cards" aria-label={label}>
      {cards.map((card) => (
        <li key={card.key}>
          {card.onSelect ? (
            <button type="button" className="button quiet mono" onClick={card.onSelect}>
              {card.title}
            </button>
          ) : (
            <strong className="mono">{card.title}</strong>
          )}{" "}
          {card.type && <span className="soft">{card.type}</span>} {card.status && <StatusMark status={card.status} />}
          {card.source !== undefined && <pre>{beginning(card.source)}</pre>}
        </li>
      ))}
    </ul>
  );
}

function beginning(value: unknown): string {
  let text: string;
  try {
    text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? String(value));
  } catch {
    text = String(value);
  }
  return text.length > SHOWN ? `${text.slice(0, SHOWN)} …` : text;
}
