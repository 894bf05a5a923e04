import { describe, expect, it } from "vitest";
import { jsonLines, member, preview } from "./json";

const paths = (value: unknown, toggled: string[] = [], openTo?: number) =>
  jsonLines(value, new Set(toggled), openTo).map((line) => line.path);

describe("lines of a JSON value", () => {
  it("opens two levels and no more", () => {
    expect(paths({ a: { b: { c: 1 } }, d: [1] })).toEqual(["", ".a", ".a.b", ".d", ".d[0]"]);
  });
  it("opens and closes what is asked", () => {
    expect(paths({ a: { b: { c: 1 } } }, [".a.b"])).toEqual(["", ".a", ".a.b", ".a.b.c"]);
    expect(paths({ a: { b: 1 } }, [""])).toEqual([""]);
  });
  it("keeps a long list closed below the top", () => {
    expect(paths({ list: Array.from({ length: 500 }, (_, i) => i) })).toEqual(["", ".list"]);
  });
  it("knows texts, numbers, nulls and what JSON has not", () => {
    expect(jsonLines(undefined, new Set())).toMatchObject([{ kind: "null", size: 0 }]);
    expect(jsonLines("x", new Set())).toMatchObject([{ kind: "string" }]);
  });
  it("tells each line its place among its siblings", () => {
    expect(jsonLines([5, 6], new Set()).map((l) => [l.position, l.siblings])).toEqual([[1, 1], [1, 2], [2, 2]]);
  });
});

it("writes paths as templates want them", () => {
  expect(member(".a", "b")).toBe(".a.b");
  expect(member(".a", 3)).toBe(".a[3]");
  expect(member("", "a b's")).toBe("['a b\\'s']");
});

it("previews without building what is large", () => {
  expect(preview("x".repeat(5_000_000)).length).toBeLessThan(130);
  expect(preview({ a: 1, b: 2 })).toBe("{ a, b }");
  expect(preview([1])).toBe("[ 1 item ]");
  expect(preview(null)).toBe("null");
});
