/** What is folded and which part is shown, as parameters of an address. */
import { NO_FOLDS, type Folds } from "./folds";

/** More than this is left out: the address would be too long to send, and the picture is large anyway. */
export const MOST = 60;

export type Parameters = Readonly<Record<string, readonly string[]>>;
/** By id: open or folded. */
export type Opened = ReadonlyMap<string, boolean>;

const namesOf = (prefix: string) => ({ open: `${prefix}open`, closed: `${prefix}closed` });

/** What of the rows of timeline and list is open: `rows.open` and `rows.closed`. */
export const ROWS = "rows.";

export function openedOf(query: URLSearchParams, prefix = ""): Opened {
  const { open, closed } = namesOf(prefix);
  const opened = new Map<string, boolean>();
  for (const id of query.getAll(open).slice(0, MOST)) opened.set(id, true);
  for (const id of query.getAll(closed).slice(0, MOST)) opened.set(id, false);
  return opened;
}

export function openedParameters(opened: Opened, prefix = ""): Parameters {
  const { open, closed } = namesOf(prefix);
  if (opened.size > MOST) return {};
  const those = (wanted: boolean) => [...opened].flatMap(([id, is]) => (is === wanted ? [id] : [])).sort();
  return { [open]: those(true), [closed]: those(false) };
}

/** `part=<id>*<number>`: the iteration of a loop, the page of a wide fork. What is no such text is passed over. */
export function foldsOf(query: URLSearchParams): Folds {
  const shown = new Map<string, number>();
  for (const text of query.getAll("part").slice(0, MOST)) {
    const [, id, number] = /^(.+)\*([1-9]\d{0,8})$/.exec(text) ?? [];
    if (id !== undefined) shown.set(id, Number(number));
  }
  const open = openedOf(query);
  return open.size + shown.size === 0 ? NO_FOLDS : { open, shown };
}

export function foldsParameters({ open, shown }: Folds): Parameters {
  const parts = [...shown].map(([id, number]) => `${id}*${number}`).sort();
  return { ...openedParameters(open), part: parts.length > MOST ? [] : parts };
}
