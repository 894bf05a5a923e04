import { describe, expect, it } from "vitest";
import { difference, equal } from "./diff";

describe("difference of two values", () => {
  it.each([
    ["nothing", { a: 1, b: [1] }, { b: [1], a: 1 }, []],
    ["a changed leaf", { a: { b: 1 } }, { a: { b: 2 } }, [{ path: ".a.b", kind: "changed", before: 1, after: 2 }]],
    ["another kind", { a: 1 }, { a: "1" }, [{ path: ".a", kind: "changed", before: 1, after: "1" }]],
    ["a member more", {}, { a: null }, [{ path: ".a", kind: "added", after: null }]],
    ["a member less", { a: [] }, {}, [{ path: ".a", kind: "removed", before: [] }]],
    ["an item put in between", [1, 2, 3], [1, 9, 2, 3], [{ path: "[1]", kind: "added", after: 9 }]],
    ["an item taken away", [1, 2, 3], [1, 3], [{ path: "[1]", kind: "removed", before: 2 }]],
    ["an item within", [{ a: 1 }, { b: 1 }], [{ a: 1 }, { b: 2 }], [{ path: "[1].b", kind: "changed", before: 1, after: 2 }]],
    ["the whole value", 1, [1], [{ path: "", kind: "changed", before: 1, after: [1] }]],
    ["names of the prototype", {}, JSON.parse(`{"constructor":1,"__proto__":2}`), [
      { path: ".constructor", kind: "added", after: 1 },
      { path: ".__proto__", kind: "added", after: 2 },
    ]],
  ])("%s", (_, before, after, changes) => {
    expect(difference(before, after).changes).toEqual(changes);
  });
  it("stops where nobody would read on", () => {
    const one = Array.from({ length: 50 }, (_, i) => i);
    const found = difference(one, one.map((i) => i + 0.5), 10);
    expect(found.changes).toHaveLength(10);
    expect(found.cut).toBe(true);
  });
});

it("equality is of content", () => {
  expect(equal({ a: [1, { b: null }] }, { a: [1, { b: undefined }] })).toBe(true);
  expect(equal([1], { 0: 1 })).toBe(false);
});
