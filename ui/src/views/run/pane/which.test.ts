import { expect, it } from "vitest";
import { duplicateNames, loop, retries } from "../../../../test/fixtures/gallery";
import { looked, meant } from "./which";

it("looks at the latest attempt, or at the one that is asked for", () => {
  const overview = retries();
  expect(looked(overview, { task: "charge_card", attempt: undefined })?.row.attempt).toBe(2);
  const first = overview.tasks.find((row) => row.referenceTaskName === "charge_card")?.taskId;
  const found = looked(overview, { task: "charge_card", attempt: first });
  expect(found?.row.attempt).toBe(0);
  expect(found?.attempts).toHaveLength(3);
  expect(found?.iterations).toEqual([]);
  expect(looked(overview, { task: undefined, attempt: first })?.row.referenceTaskName).toBe("charge_card");
  expect(looked(overview, { task: "ship", attempt: "gone" })).toBeUndefined();
});

it("knows the same task in the other iterations, by its latest attempt", () => {
  const found = looked(loop(3), { task: "weigh__2", attempt: undefined });
  expect(found?.iterations.map((row) => [row.referenceTaskName, row.attempt])).toEqual([["weigh__1", 0], ["weigh__2", 0], ["weigh__3", 1]]);
  expect(looked(duplicateNames(), { task: "send__2", attempt: undefined })?.iterations).toEqual([]);
});

it("takes a name in an expression for the task of the same iteration", () => {
  const overview = loop(3);
  const from = looked(overview, { task: "weigh__2", attempt: undefined })?.row;
  expect(from && meant(overview, from, "ask")).toBe("ask__2");
  expect(from && meant(overview, from, "prepare")).toBe("prepare");
  expect(from && meant(overview, from, "nowhere")).toBeUndefined();
});

it("takes the name in the definition for the round that matters most", () => {
  const overview = loop(3);
  const last = looked(overview, { task: "weigh", attempt: undefined })?.row;
  expect(last?.referenceTaskName).toBe("weigh__3");
  const failed = { ...overview, tasks: overview.tasks.map((row) => (row.referenceTaskName === "weigh__2" ? { ...row, status: "FAILED" } : row)) };
  expect(looked(failed, { task: "weigh", attempt: undefined })?.row.referenceTaskName).toBe("weigh__2");
});
