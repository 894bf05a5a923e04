import { describe, expect, it } from "vitest";
import { asks, fitting, narrowed, IDS_AT_ONCE, IDS_IN_ADDRESS, progress, runs, sum, totalOf, verbName, type BulkChoices, type BulkOperation, type BulkVerb } from "./bulk";

const CHOICES: BulkChoices = { reason: "", latestDefinition: false, archive: true };

it("asks for ten thousand selected runs in parts that the server reads", () => {
  const ids = Array.from({ length: 10_000 }, (_, i) => `01a208df-1317-7dbe-a795-${String(i).padStart(12, "0")}`);
  const parts = asks({ kind: "ids", ids });
  expect(parts).toHaveLength(Math.ceil(ids.length / IDS_AT_ONCE));
  expect(Math.max(...parts.map((part) => part.query.length))).toBeLessThan(64 * 1024);
  expect(Math.max(...asks({ kind: "ids", ids }, IDS_IN_ADDRESS).map(({ query }) => encodeURIComponent(query).length))).toBeLessThan(8_000);
  expect(parts.every((part) => part.query.startsWith("workflowId IN ('01a208df"))).toBe(true);
});

describe("how many a verb is for", () => {
  const counts = { RUNNING: 3, FAILED: 5, COMPLETED: 2, PAUSED: 0 };
  it.each<[BulkVerb, boolean, number, string[]]>([
    ["retry", true, 5, ["RUNNING", "COMPLETED"]],
    ["pause", true, 3, ["FAILED", "COMPLETED"]],
    ["remove", true, 7, ["RUNNING"]],
    ["remove", false, 10, []],
    ["resume", true, 0, ["RUNNING", "FAILED", "COMPLETED"]],
  ])("%s, archive %s: %d", (verb, archive, fit, others) => {
    const found = fitting(verb, counts, { ...CHOICES, archive });
    expect(found.fit).toBe(fit);
    expect(found.others.map(([name]) => name)).toEqual(others);
  });
  it("asks only for those", () => {
    const ask = { query: "workflowType = 'a'", freeText: "lost" };
    expect(narrowed("resume", ask, CHOICES)).toEqual({ query: "workflowType = 'a' AND status IN ('PAUSED')", freeText: "lost" });
    expect(narrowed("remove", ask, { ...CHOICES, archive: false })).toEqual(ask);
  });
  it("adds parts", () => expect(totalOf(sum([counts, { FAILED: 1 }]))).toBe(11));
  it("says it", () => {
    expect([runs(1), runs(12_345)]).toEqual(["1 run", "12,345 runs"]);
    expect(verbName("remove", { ...CHOICES, archive: false })).toBe("Delete");
  });
});

it("adds the progress of several operations", () => {
  const one = { operationId: "a", status: "COMPLETED", total: 5, pending: 0, succeeded: 4, failed: 1, stopped: 0 } as BulkOperation;
  const two = { ...one, operationId: "b", status: "RUNNING", pending: 3, succeeded: 2, failed: 0 };
  expect(progress([one, two])).toEqual({ total: 10, pending: 3, succeeded: 6, failed: 1, stopped: 0, running: true });
  expect(progress([one]).running).toBe(false);
});
