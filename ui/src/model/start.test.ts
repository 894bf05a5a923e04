import { describe, expect, it } from "vitest";
import { domains, expectedInput, inputFault, KEPT, LARGEST_KEPT, NOTHING, priorityFault, readStarts, startLabel, startRequest, withStart } from "./start";

describe("the input to begin with", () => {
  it("has the template's values and a place for every other parameter", () => {
    const text = expectedInput({ inputParameters: ["order", "${workflow.input.customer}", "limit"], inputTemplate: { limit: 5 } });
    expect(JSON.parse(text)).toEqual({ limit: 5, order: null, customer: null });
  });
  it("is empty for a definition that says nothing", () => {
    expect(expectedInput({})).toBe("{}");
    expect(expectedInput(undefined)).toBe("{}");
  });
});

describe("what was typed", () => {
  it.each([
    ["", null],
    ["{}", null],
    ['{"a": [1]}', null],
    ["[]", /object/],
    ["17", /object/],
    ["{a}", /not JSON/],
  ])("%s as an input", (text, fault) => {
    if (fault === null) expect(inputFault(text)).toBeNull();
    else expect(inputFault(text)).toMatch(fault);
  });
  it("takes priorities from 0 to 99", () => {
    expect([" ", "0", "99"].map(priorityFault)).toEqual([null, null, null]);
    expect(["100", "-1", "x", "1.5"].every((text) => priorityFault(text) !== null)).toBe(true);
  });
  it("reads domains by comma or line", () => {
    expect(domains("email = fast, * = slow\nphone=eu")).toEqual({ value: { email: "fast", "*": "slow", phone: "eu" }, fault: null });
    expect(domains("email").fault).toContain("email");
    expect(domains("").value).toEqual({});
  });
});

describe("the request", () => {
  it("keeps numbers as they were typed", () => {
    const body = startRequest("pay", 3, { ...NOTHING, input: '{"id": 9007199254740993}', priority: "7", domains: "email=eu" });
    expect(body).toContain('"id": 9007199254740993');
    expect(JSON.parse(body)).toMatchObject({ name: "pay", version: 3, priority: 7, taskToDomain: { email: "eu" } });
  });
  it("leaves out what was not said", () => {
    expect(startRequest("pay", undefined, { ...NOTHING, input: "" })).toBe('{"name":"pay","input":{}}');
  });
});

describe("remembered starts", () => {
  const start = (n: number) => ({ ...NOTHING, input: `{"n": ${n}}` });
  it("are the last ten, the newest first, each once", () => {
    let list = readStarts(null);
    for (let n = 0; n < 13; n += 1) list = withStart(list, start(n), n);
    list = withStart(list, start(8), 20);
    expect(list).toHaveLength(KEPT);
    expect(list[0]).toMatchObject({ input: '{"n": 8}', at: 20 });
    expect(list.filter((each) => each.input === '{"n": 8}')).toHaveLength(1);
  });
  it("leave out what is too large, and do not trust what was kept", () => {
    expect(withStart([], { ...NOTHING, input: "x".repeat(LARGEST_KEPT + 1) }, 1)).toEqual([]);
    expect(readStarts("{")).toEqual([]);
    expect(readStarts('[{"at":1},null,{"at":2,"input":"{}","correlationId":"","priority":"","domains":""}]')).toHaveLength(1);
  });
  it("have a line each", () => {
    expect(startLabel({ ...start(1), correlationId: "order-7" })).toBe('order-7: {"n": 1}');
    expect(startLabel({ ...NOTHING, input: `"${"x".repeat(100)}"` })).toHaveLength(60);
  });
});
