import { describe, expect, it } from "vitest";
import { parse } from "./query";
import { ask, byIds, freeText, sortOf, sortText, USUAL, windowOf, windowParameters, type Window } from "./search";

const ALL: Window = { kind: "all" };
const query = (text: string) => ask(parse(text).filter, ALL, 0).query;

describe("the server's query of a filter", () => {
  it.each([
    ["", ""],
    ["workflow:order", "workflowType = 'order'"],
    ['workflow:"it\'s \\\\ here"', "workflowType = 'it\\'s \\\\ here'"],
    ["status:FAILED,TIMED_OUT", "status IN ('FAILED', 'TIMED_OUT')"],
    ["-status:FAILED,TIMED_OUT", "(status != 'FAILED' AND status != 'TIMED_OUT')"],
    ["workflow:a,b,order_*", "(workflowType IN ('a', 'b') OR workflowType = 'order_*')"],
    ["reason:refused", "reasonForIncompletion = '*refused*'"],
    ["-reason:time*", "reasonForIncompletion != 'time*'"],
    ["top:yes", "parentWorkflowId IS null"],
    ["top:no", "parentWorkflowId IS not null"],
    ["correlation:none", "correlationId IS null"],
    ["-correlation:none", "correlationId IS not null"],
    ["took:>5m", "executionTime > 300000"],
    ["-took:>5m", "executionTime <= 300000"],
    ["version:1,2", "(version = 1 OR version = 2)"],
    ["started:>=2026-11-23T10:00Z", "startTime >= 1795428000000"],
    ["input:parcel", "input = 'parcel'"],
    ['where:"version = 1 OR version = 2" workflow:a', "(version = 1 OR version = 2) AND workflowType = 'a'"],
  ])("%s", (text, wanted) => expect(query(text)).toBe(wanted));

  it("has the window first, and its end where pages must stay", () => {
    const filter = parse("workflow:a lost").filter;
    expect(ask(filter, { kind: "last", ms: 1_000 }, 5_000)).toEqual({
      query: "startTime >= 4000 AND workflowType = 'a'",
      freeText: "lost",
    });
    expect(ask(filter, { kind: "range", to: 9 }, 0, 7).query).toBe("startTime <= 9 AND startTime <= 7 AND workflowType = 'a'");
  });
  it("puts phrases in the server's quotes", () => {
    expect(freeText('"lost parcel" & !found')).toBe("'lost parcel' & !found");
    expect(freeText('"it\'s"')).toBe("'it s'");
  });
  it("asks for ids", () => expect(byIds(["a", "b'c"])).toBe("workflowId IN ('a','b\\'c')"));
});

describe("a window in the address", () => {
  it.each<[Window, Record<string, string>]>([
    [USUAL, {}],
    [ALL, { last: "all" }],
    [{ kind: "last", ms: 900_000 }, { last: "15m" }],
    [{ kind: "last", ms: 12_345 }, { last: "12345ms" }],
    [{ kind: "range", from: 1_795_428_000_000 }, { from: "2026-11-23T10:00:00.000Z" }],
    [{ kind: "range", from: 1_000_000_000, to: 2_000_000_000 }, { from: "1970-01-12T13:46:40.000Z", to: "1970-01-24T03:33:20.000Z" }],
  ])("%j", (window, parameters) => {
    expect(windowParameters(window)).toEqual(parameters);
    expect(windowOf(parameters["last"] ?? null, parameters["from"] ?? null, parameters["to"] ?? null)).toEqual(window);
  });
  it("falls back to the usual one", () => expect(windowOf("soon", "x", null)).toEqual(USUAL));
  it("knows the sort", () => {
    expect(sortOf("status:ASC")).toEqual({ column: "status", descending: false });
    expect(sortText(sortOf(null))).toBe("startTime:DESC");
  });
});
