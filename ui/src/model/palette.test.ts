import { expect, it } from "vitest";
import { matching, readRecent, runIdIn, withRecent } from "./palette";

it("finds an id in what was pasted", () => {
  const id = "01a208df-1317-7dbe-a795-a0c0c0000000";
  for (const text of [id, ` "${id.toUpperCase()}", `, `http://h:1/runs/${id}?view=tasks`]) expect(runIdIn(text)).toBe(id);
  expect(runIdIn("01a208df-1317")).toBeUndefined();
});

it("offers names that begin so first", () => {
  const names = ["my_order", "order", "order_late", "mail"];
  expect(matching("order", names)).toEqual(["order", "order_late", "my_order"]);
  expect(matching("late or", names)).toEqual(["order_late"]);
  expect(matching(" ", names)).toEqual([]);
  expect(matching("n", Array.from({ length: 5_000 }, (_, i) => `n${i}`))).toHaveLength(12);
});

it("keeps the runs that were looked at lately", () => {
  const run = (id: string) => ({ id, name: "n" });
  const many = ["a", "b", "c", "d", "e", "f", "g", "a"].reduce<ReturnType<typeof readRecent>>((list, id) => withRecent(list, run(id)), []);
  expect(many.map((each) => each.id).join("")).toBe("agfedc");
  expect(readRecent(JSON.stringify(many))).toEqual(many);
  expect(readRecent("no")).toEqual([]);
});
