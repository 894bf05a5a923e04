import { describe, expect, it } from "vitest";
import { heard, NO_NEWS } from "./news";

const offer = { type: "retry_offer", id: "a-2", workflow_id: "w", retry_url: "http://e/api/workflow/w/rerun", payload: { reRunFromTaskRefName: "x" } };

describe("news of the ingestion service", () => {
  it("keeps an offer until the workflow goes on", () => {
    const offered = heard(NO_NEWS, offer);
    expect(offered.offers.get("w")?.payload).toEqual({ reRunFromTaskRefName: "x" });
    expect(offered.lastId).toBe("a-2");
    expect(heard(offered, { type: "resumed", id: "a-3", workflow_id: "w" }).offers.size).toBe(0);
  });

  it("lets a snapshot replace what it was told before", () => {
    const offered = heard(NO_NEWS, offer);
    const snapshot = { type: "snapshot", last_id: "b-0", gap: true, workflows: [{ workflow_id: "v", status: "RUNNING", nodes: [] }], offers: [] };
    const after = heard(offered, snapshot);
    expect([...after.offers.keys()]).toEqual([]);
    expect([...after.workflows.keys()]).toEqual(["v"]);
    expect(after.lastId).toBe("b-0");
  });

  it("moves on with heartbeats, and stands what it does not know", () => {
    expect(heard(NO_NEWS, { type: "heartbeat", last_id: "a-9" }).lastId).toBe("a-9");
    expect(heard(NO_NEWS, { type: "something new", id: "a-1", workflow_id: 7 })).toEqual({ ...NO_NEWS, lastId: "a-1" });
    expect(heard(NO_NEWS, { type: "snapshot", workflows: "none", offers: [null, 3] }).offers.size).toBe(0);
  });

  it("forgets the oldest of very many", () => {
    let news = NO_NEWS;
    for (let n = 0; n < 300; n++) news = heard(news, { ...offer, id: `a-${n}`, workflow_id: `w${n}` });
    expect(news.offers.size).toBe(200);
    expect(news.offers.has("w299")).toBe(true);
  });
});
