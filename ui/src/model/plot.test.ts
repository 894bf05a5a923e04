import { describe, expect, it } from "vitest";
import { latencyInWords, reasons, share, throughputInWords, windowOf } from "./plot";

const bucket = (more: object) => ({ at: 0, started: 0, completed: 0, failed: 0, timedOut: 0, terminated: 0, running: 0, ...more });

describe("plots", () => {
  it("say in words what they show", () => {
    const buckets = [bucket({ started: 3, completed: 2, timedOut: 1, p50: 40, p99: 90 }), bucket({ started: 5, completed: 4, running: 1, p50: 900, p99: 61_000 })];
    expect(throughputInWords(buckets, "hour")).toBe(
      "8 runs began in the last hour, at most 5 in one part; 6 completed, 1 failed or timed out, 1 are open.",
    );
    expect(latencyInWords(buckets)).toBe("At its slowest, half of the runs took at most 900 ms and 99 of 100 at most 1 m 1 s.");
    expect(throughputInWords([bucket({})], "hour")).toBe("No run began in the last hour.");
    expect(latencyInWords([bucket({ started: 1, running: 1 })])).toBe("No run that began in this time has ended.");
  });

  it("put rare reasons together", () => {
    const counted = ["a", "b", "c"].map((reason, i) => ({ reason, count: 10 ** i }));
    expect(reasons(counted, 2)).toEqual([
      { reason: "c", count: 100 },
      { reason: "b", count: 10 },
      { reason: "1 other reasons", count: 1 },
    ]);
    expect(reasons(counted, 3)).toHaveLength(3);
  });

  it("give shares with as many digits as they need", () => {
    expect([share(1, 2), share(1, 5_000), share(0, 7), share(0, 0)]).toEqual(["50.0 %", "0.02 %", "0.0 %", "–"]);
  });

  it("fall back to an hour", () => {
    expect(windowOf("nonsense").ms).toBe(3_600_000);
  });
});
