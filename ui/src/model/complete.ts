/** What could be typed next into the text of a filter. */
import { FIELDS, fieldOf, quoted } from "./query";
import { RUN_STATUSES } from "./status";

/** More are no help. */
const AT_MOST = 30;

/** Whole texts that go on from `text` by its last word: field names, statuses, names of workflows. */
export function completions(text: string, workflows: readonly string[]): readonly string[] {
  const last = /(?:^|\s)(-?)(\S*)$/.exec(text);
  if (!last || (text.match(/(?<!\\)"/g) ?? []).length % 2 === 1) return [];
  const word = last[2] ?? "";
  const before = text.slice(0, text.length - word.length);
  const colon = word.indexOf(":");
  if (colon < 0) return FIELDS.filter((each) => each.name.startsWith(word.toLowerCase())).map((each) => `${before}${each.name}:`);
  const field = fieldOf(word.slice(0, colon));
  const comma = Math.max(colon, word.lastIndexOf(","));
  const [head, part] = [word.slice(0, comma + 1), word.slice(comma + 1).toLowerCase()];
  const values =
    field?.kind === "status"
      ? RUN_STATUSES.map((each) => each.name)
      : field?.kind === "flag"
        ? ["yes", "no"]
        : field?.name === "workflow"
          ? workflows
          : [];
  return values
    .filter((each) => each.toLowerCase().includes(part) && each.toLowerCase() !== part)
    .slice(0, AT_MOST)
    .map((each) => `${before}${head}${quoted(each)}`);
}
