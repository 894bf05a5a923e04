import { expect, it } from "vitest";
import { everyStatus, loop, NOW, retries, row } from "../../test/fixtures/gallery";
import { counts, narrowed, plain } from "./tasks";

const names = (find?: string, status?: string, sort?: string) =>
  narrowed(retries().tasks, { find, status, sort }, NOW).map((task) => `${task.referenceTaskName} ${task.attempt}`);

it("narrows by text in name, worker, reason, and by status", () => {
  expect(names("DECLINED")).toEqual(["charge_card 0"]);
  expect(names(undefined, "TIMED_OUT")).toEqual(["charge_card 1"]);
  expect(names("nowhere")).toEqual([]);
});

it("sorts up and down; what goes on lasts until now", () => {
  expect(names(undefined, undefined, "-lasted")).toEqual(["charge_card 2", "charge_card 1", "charge_card 0", "reserve 0"]);
  expect(names(undefined, undefined, "name")).toEqual(["charge_card 0", "charge_card 1", "charge_card 2", "reserve 0"]);
});

it("sorts numbers in names as numbers", () => {
  const rows = ["p_10", "p_2"].map((name) => row(name));
  expect(narrowed(rows, { find: undefined, status: undefined, sort: "name" }, NOW).map((task) => task.referenceTaskName)).toEqual(["p_2", "p_10"]);
});

it("knows when nothing is asked for, and forgives an odd column", () => {
  expect(plain({ find: "", status: undefined, sort: "frobs" })).toBe(true);
  expect(plain({ find: undefined, status: undefined, sort: "-name" })).toBe(false);
  expect(names(undefined, undefined, "frobs")).toHaveLength(4);
});

it("counts by status", () => {
  expect(counts(loop(3).tasks).get("FAILED")).toBe(1);
  expect(counts(everyStatus().tasks).size).toBe(10);
});
