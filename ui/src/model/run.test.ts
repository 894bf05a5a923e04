import { describe, expect, it } from "vitest";
import { huge, retries, wire } from "../../test/fixtures/gallery";
import { baseName, definitionTasks, latest, readOverview } from "./run";

describe("reading an overview", () => {
  it("reads what is sent, whatever the order of the columns", () => {
    const overview = retries();
    const sent = wire(overview);
    const turned = { columns: [...sent.tasks.columns].reverse(), rows: sent.tasks.rows.map((cells) => [...cells].reverse()) };
    expect(readOverview({ ...sent, tasks: turned })).toEqual(overview);
  });
  it("keeps rows that say the same as the same objects", () => {
    const overview = retries();
    const first = readOverview(wire(overview));
    const again = readOverview(wire(overview), first);
    expect(again.tasks).toBe(first.tasks);
    expect(again.definition).toBe(first.definition);
  });
  it("lays a part over what was known", () => {
    const first = readOverview(wire(retries()));
    const sent = wire(retries());
    const place = sent.tasks.columns.indexOf("status");
    const last = (wire(first).tasks.rows.at(-1) ?? []).map((cell, i) => (i === place ? "COMPLETED" : cell));
    const next = readOverview({ ...sent, tasks: { columns: sent.tasks.columns, rows: [last] }, since: 3 }, first);
    expect(next.tasks).toHaveLength(first.tasks.length);
    expect(next.tasks[0]).toBe(first.tasks[0]);
    expect(latest(next.tasks, "charge_card")?.status).toBe("COMPLETED");
  });
  it("lives with columns that are missing or new, and with odd cells", () => {
    const overview = readOverview({
      workflow: retries().workflow,
      tasks: { columns: ["taskId", "status", "frobs", "seq"], rows: [["a", 17, {}, "x"], ["b"]] },
    });
    expect(overview.tasks.map((row) => [row.taskId, row.status, row.seq])).toEqual([["a", "17", 0], ["b", "", 0]]);
  });
  it("reads 10,000 tasks in a moment", () => {
    const sent = wire(huge());
    const began = performance.now();
    readOverview(sent);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

it("walks odd definitions as far as they go", () => {
  const odd = { name: "odd", tasks: [null, 5, { name: "a", taskReferenceName: "a", forkTasks: "no", decisionCases: { x: [{ name: "b", taskReferenceName: "b" }] } }] };
  expect(definitionTasks(odd as never).map((task) => task.taskReferenceName)).toEqual(["a", "b"]);
});

it("takes the numbers of iterations from a name", () => {
  expect(["a", "a__1", "a__1__2", "a_1", "a__x"].map(baseName)).toEqual(["a", "a", "a", "a_1", "a__x"]);
});
