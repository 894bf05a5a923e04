import { describe, expect, it } from "vitest";
import type { RunRow } from "../../api/queries/runs";
import { parse } from "../../model/query";
import { USUAL } from "../../model/search";
import { readAddress, writeAddress } from "./address";
import { keptColumns, usualColumns } from "./columns";
import { astray, renewed } from "./held";
import { oneLess } from "./NoMatch";
import { keptViews } from "./saved";

const read = (search: string) => readAddress(new URLSearchParams(search));
const run = (workflowId: string, status: string) => ({ workflowId, status }) as RunRow;

describe("the address of a list", () => {
  it("goes there and back", () => {
    for (const search of ["", "q=status%3AFAILED+lost&last=1h", "last=all&sort=status%3AASC&size=500&page=3&asof=1795428000000"]) {
      expect(new URLSearchParams(writeAddress(read(search), {})).toString()).toBe(search);
    }
  });
  it("takes fields by themselves from links", () => {
    expect(writeAddress(read("workflow=my order&status=FAILED,TIMED_OUT"), {})).toEqual({ q: 'workflow:"my order" status:FAILED,TIMED_OUT' });
  });
  it("begins another question at its first page", () => {
    expect(writeAddress(read("page=3&asof=1795428000000"), { filter: parse("lost").filter })).toEqual({ q: "lost" });
  });
  it.each(["page=-1", "page=x&size=7", "last=soon&from=x", "sort="])("makes sense of %s", (search) =>
    expect(writeAddress(read(search), {})).toEqual({}),
  );
});

describe("rows that are held", () => {
  const held = [run("a", "RUNNING"), run("b", "COMPLETED"), run("c", "RUNNING")];
  it("stay in their places with what is known now", () => {
    const fresh = [run("new", "RUNNING"), run("a", "FAILED")];
    expect(renewed(held, [run("c", "PAUSED")], fresh).map((row) => `${row.workflowId} ${row.status}`)).toEqual([
      "a FAILED",
      "b COMPLETED",
      "c PAUSED",
    ]);
    expect(astray(held, fresh)).toEqual(["b", "c"]);
  });
});

it("leaves out one filter at a time", () => {
  const less = oneLess({ filter: parse("workflow:a status:FAILED lost").filter, window: USUAL });
  expect(less.map((each) => each.says)).toEqual(["Time: the last 24 h", "Workflow: a", "Status: FAILED", "Text: lost"]);
});

it("reads what a browser kept as far as it makes sense", () => {
  expect(keptColumns("status,gone,event")).toEqual(["status", "event"]);
  expect(keptColumns(null)).toBe(usualColumns);
  expect(keptViews("{")).toEqual([]);
  expect(keptViews('[{"name":"a","search":"q=b"},{"name":1},null]')).toEqual([{ name: "a", search: "q=b" }]);
});
