/** What the command palette offers for a text, besides commands. */

/** An id may be pasted with what stood around it: quotes, blanks, an address. */
const RUN_ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
export const runIdIn = (text: string): string | undefined => RUN_ID.exec(text)?.[0].toLowerCase();

/** So many names are offered: who wants another one types more of it. */
const AT_MOST = 12;

/** Names that have all words of the text, those that begin with it first. */
export function matching(text: string, names: readonly string[]): readonly string[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  const words = wanted.split(/\s+/);
  const found = names.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
  const rank = (name: string) => (name.toLowerCase().startsWith(wanted) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b) || a.length - b.length || a.localeCompare(b)).slice(0, AT_MOST);
}

/** A run that was looked at lately. */
export interface Recent {
  id: string;
  name: string;
}
const RECENT_AT_MOST = 6;

export function readRecent(kept: string | null): readonly Recent[] {
  try {
    const list: unknown = JSON.parse(kept ?? "[]");
    if (!Array.isArray(list)) return [];
    return list.flatMap((each: unknown) => {
      const { id, name } = (typeof each === "object" && each !== null ? each : {}) as Partial<Recent>;
      return typeof id === "string" && typeof name === "string" ? [{ id, name }] : [];
    });
  } catch {
    return [];
  }
}

export const withRecent = (list: readonly Recent[], latest: Recent): readonly Recent[] =>
  [latest, ...list.filter((each) => each.id !== latest.id)].slice(0, RECENT_AT_MOST);
