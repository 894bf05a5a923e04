import { describe, expect, it } from "vitest";
import { loop } from "../../test/fixtures/gallery";
import { beside, definitionOf, templateParts } from "./template";

describe("parts of a template", () => {
  it.each([
    ["plain", "a b", [{ text: "a b" }]],
    ["one", "${a.output.b}", [{ text: "${a.output.b}", expression: "a.output.b", reference: "a" }]],
    ["the run", "x ${workflow.input.y}!", [{ text: "x " }, { text: "${workflow.input.y}", expression: "workflow.input.y" }, { text: "!" }]],
    ["quoted", "$${a}", [{ text: "$${a}" }]],
    ["open", "${a", [{ text: "${a" }]],
    ["nothing", "", []],
    ["an index", "${a[0].b}", [{ text: "${a[0].b}", expression: "a[0].b", reference: "a" }]],
  ])("%s", (_, text, parts) => expect(templateParts(text)).toEqual(parts));
});

describe("template beside input", () => {
  it("goes leaf by leaf, says what is missing and what is more", () => {
    const { given, extra } = beside({ a: "${x}", b: { c: [1, "${y}"] }, e: {} }, { a: 5, b: { c: [1] }, e: {}, d: 4 });
    expect(given).toEqual([
      { path: ".a", template: "${x}", resolved: 5, absent: false },
      { path: ".b.c[0]", template: 1, resolved: 1, absent: false },
      { path: ".b.c[1]", template: "${y}", resolved: undefined, absent: true },
      { path: ".e", template: {}, resolved: {}, absent: false },
    ]);
    expect(extra).toEqual([{ path: ".d", template: undefined, resolved: 4, absent: false }]);
  });
  it("lives with no template and no input", () => {
    expect(beside(undefined, null)).toEqual({ given: [], extra: [] });
    expect(beside({ a: 1 }, undefined).given).toEqual([{ path: ".a", template: 1, resolved: undefined, absent: true }]);
  });
});

it("finds the definition of a task in a loop", () => {
  expect(definitionOf(loop(2).definition, "ask__2")?.taskReferenceName).toBe("ask");
  expect(definitionOf(loop(2).definition, "nowhere")).toBeUndefined();
});
