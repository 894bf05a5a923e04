/** What the list shows, in the address of the page: `q` is the filter as text. */
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";
import { FIELDS, format, parse, quoted, type Filter } from "../../model/query";
import { ask, NEWEST, sortOf, sortText, windowOf, windowParameters, type Ask, type Sort, type Window } from "../../model/search";

export const SIZES = [50, 100, 500, 2_000] as const;
export const SIZE = 100;

export interface Address {
  filter: Filter;
  window: Window;
  sort: Sort;
  /** From 0. */
  page: number;
  size: number;
  /** What began later is not on these pages. */
  asOf: number | undefined;
  /** Equal for equal questions, without the page. */
  key: string;
  ask: (now?: number) => Ask;
}

const whole = (text: string | null): number => (text !== null && /^\d{1,15}$/.test(text) ? Number(text) : 0);

/** A link may also name a field by itself: `/?workflow=order&status=FAILED`. */
function textOf(parameters: URLSearchParams): string {
  const named = FIELDS.flatMap(({ name }) => {
    const value = parameters.get(name);
    return value ? [`${name}:${name === "status" ? value : quoted(value)}`] : [];
  });
  return [...named, parameters.get("q") ?? ""].filter((part) => part !== "").join(" ");
}

export function readAddress(parameters: URLSearchParams): Address {
  const { filter } = parse(textOf(parameters));
  const window = windowOf(parameters.get("last"), parameters.get("from"), parameters.get("to"));
  const sort = sortOf(parameters.get("sort"));
  const size = whole(parameters.get("size"));
  const page = Math.max(0, whole(parameters.get("page")) - 1);
  const asOf = page > 0 && whole(parameters.get("asof")) > 0 ? whole(parameters.get("asof")) : undefined;
  const key = JSON.stringify([format(filter), window]);
  return {
    filter,
    window,
    sort,
    page,
    size: SIZES.some((each) => each === size) ? size : SIZE,
    asOf,
    key,
    ask: (now = Date.now()) => ask(filter, window, now, asOf),
  };
}

export interface Change {
  filter?: Filter;
  window?: Window;
  sort?: Sort;
  page?: number;
  size?: number;
  asOf?: number | undefined;
}

/** The parameters of an address. What is as usual is left out, so equal views have equal addresses. */
export function writeAddress(before: Address, change: Change): Record<string, string> {
  const next = { ...before, ...change };
  // another question begins at its first page
  const page = change.filter || change.window || change.sort || change.size ? 0 : next.page;
  const text = format(next.filter);
  return {
    ...(text ? { q: text } : {}),
    ...windowParameters(next.window),
    ...(sortText(next.sort) === sortText(NEWEST) ? {} : { sort: sortText(next.sort) }),
    ...(next.size === SIZE ? {} : { size: String(next.size) }),
    ...(page === 0 ? {} : { page: String(page + 1) }),
    ...(page === 0 || next.asOf === undefined ? {} : { asof: String(next.asOf) }),
  };
}

export function useAddress(): [Address, (change: Change) => void] {
  const [parameters, setParameters] = useSearchParams();
  const text = parameters.toString();
  const address = useMemo(() => readAddress(new URLSearchParams(text)), [text]);
  const change = useCallback(
    (what: Change) => {
      const next = new URLSearchParams(writeAddress(address, what));
      if (next.toString() !== text) setParameters(next);
    },
    [address, setParameters, text],
  );
  return [address, change];
}
