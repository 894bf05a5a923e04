import { describe, expect, it } from "vitest";
import { alive, growth, growthText, inSet, queueFound, queueId, unpolled, workersText, type Queue } from "./queues";

const NOW = 10_000_000;
const queue = (more: Partial<Queue> = {}): Queue => ({ taskType: "charge", ready: 0, delayed: 0, leased: 0, pollers: [], ...more });
const poller = (ago: number, workerId = "w") => ({ workerId, lastPollTime: NOW - ago });

describe("a queue", () => {
  it("is known by its type and domain", () => {
    expect([queueId(queue()), queueId(queue({ domain: "eu" }))]).toEqual(["charge", "eu:charge"]);
  });
  it.each([
    [queue({ pollers: [poller(2_000), poller(500_000)] }), "1 worker, last 2 s ago"],
    [queue({ pollers: [poller(2_000), poller(4_000)] }), "2 workers, last 2 s ago"],
    [queue({ pollers: [poller(3_600_000)] }), "Nobody polls (last 1 h ago)"],
    [queue(), "Nobody has polled"],
  ])("tells of its workers %#", (each, text) => expect(workersText(each, NOW)).toBe(text));
  it("is neglected if something waits and nobody is there", () => {
    expect(unpolled(queue({ ready: 1 }), NOW)).toBe(true);
    expect(unpolled(queue({ ready: 1, pollers: [poller(1)] }), NOW)).toBe(false);
    expect(unpolled(queue({ leased: 1, pollers: [poller(3_600_000)] }), NOW)).toBe(true);
    expect(unpolled(queue(), NOW)).toBe(false);
    expect(alive(queue({ pollers: [poller(119_000), poller(121_000)] }), NOW)).toBe(1);
  });
  it("belongs to sets, and is found by its worker too", () => {
    expect((["all", "tasks", "unpolled"] as const).map((set) => inSet(queue({ delayed: 2 }), set, NOW))).toEqual([true, true, true]);
    expect((["all", "tasks", "unpolled"] as const).map((set) => inSet(queue(), set, NOW))).toEqual([true, false, false]);
    expect(queueFound(queue({ domain: "eu", pollers: [poller(1, "host-7")] }), "eu host-7")).toBe(true);
    expect(queueFound(queue(), "ship")).toBe(false);
  });
});

describe("growth between two looks", () => {
  it("counts all tasks of a queue by second", () => {
    const by = growth({ at: 0, queues: [queue({ ready: 10, leased: 5 })] }, { at: 2_000, queues: [queue({ ready: 12, leased: 4 }), queue({ domain: "eu", ready: 8 })] });
    expect([by.get("charge"), by.get("eu:charge")]).toEqual([0.5, 4]);
  });
  it("says nothing without a look before, or right after it", () => {
    const look = { at: 500, queues: [queue({ ready: 3 })] };
    expect(growth(undefined, look).size).toBe(0);
    expect(growth({ at: 0, queues: [] }, look).size).toBe(0);
  });
  it.each([
    [undefined, "–"],
    [0.01, "–"],
    [2.54, "+2.5/s"],
    [-30.4, "−30/s"],
  ])("%s", (rate, text) => expect(growthText(rate)).toBe(text));
});
