import { describe, expect, it } from "vitest";
import { NO_FOLDS, withFold, withShown } from "./folds";
import { foldsOf, foldsParameters, MOST, openedOf, openedParameters, ROWS, type Parameters } from "./foldsAddress";

const query = (parameters: Parameters): URLSearchParams =>
  new URLSearchParams(Object.entries(parameters).flatMap(([name, values]) => values.map((value) => [name, value])));

describe("folds in the address", () => {
  it("come back as they were, whatever the names", () => {
    const names = ["ship", "a*2", "a/b?c=d&e", "<b>", "ü 1", "again@1", "*", "+-", ""];
    let folds = NO_FOLDS;
    for (const [at, name] of names.entries()) folds = withShown(withFold(folds, name, at % 2 === 0), name || "x", at + 1);
    const back = foldsOf(new URLSearchParams(query(foldsParameters(folds)).toString()));
    expect(new Map([...back.open].sort())).toEqual(new Map([...folds.open].sort()));
    expect(new Map([...back.shown].sort())).toEqual(new Map([...folds.shown].sort()));
  });

  it("are read short and in order", () => {
    const folds = withShown(withFold(withFold(NO_FOLDS, "ship", true), "bill", false), "again", 2);
    expect(query(foldsParameters(folds)).toString()).toBe("open=ship&closed=bill&part=again*2");
    expect(foldsOf(new URLSearchParams())).toBe(NO_FOLDS);
  });

  it("of rows do not mix with those of the diagram", () => {
    const address = query({ ...openedParameters(new Map([["ship", true]]), ROWS), ...openedParameters(new Map([["bill", true]])) });
    expect(openedOf(address, ROWS)).toEqual(new Map([["ship", true]]));
    expect(openedOf(address)).toEqual(new Map([["bill", true]]));
  });

  it("pass over what is no number, and more than an address can hold", () => {
    const odd = new URLSearchParams("part=again&part=*&part=again*0&part=again*x&part=again*-1&part=again*99999999999");
    expect(foldsOf(odd)).toBe(NO_FOLDS);
    const many = new Map(Array.from({ length: MOST + 1 }, (_, n) => [`t${n}`, true]));
    expect(openedParameters(many)).toEqual({});
  });
});
