import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { huge, loop, NOW, retries } from "../../test/fixtures/gallery";
import { outline, shown } from "../model/outline";
import type { Overview } from "../model/run";
import { scale } from "../model/timeline";
import { Timeline } from "./Timeline";

afterEach(cleanup);
beforeEach(() => {
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(600);
});

function draw(overview: Overview, selected?: string) {
  const line = scale(overview, NOW, true);
  const told = { onSelect: vi.fn(), onFold: vi.fn(), onWindow: vi.fn() };
  const rows = shown(outline(overview), new Map());
  render(
    <Timeline label="Timeline" rows={rows} line={line} window={{ from: line.from, to: line.to }} present={NOW} live selected={selected} attempt={undefined} notes={new Map()} {...told} />,
  );
  return told;
}

describe("Timeline", () => {
  it("says of each task how it stands, how often it was tried and how long it took", () => {
    draw(retries());
    expect(screen.getByRole("treeitem", { name: "reserve, Completed, 1.0 s" })).toBeInTheDocument();
    expect(screen.getByRole("treeitem", { name: /charge_card, In progress, 3 attempts/ })).toBeInTheDocument();
  });

  it("selects an attempt by its bar and walks by keys", async () => {
    const user = userEvent.setup();
    const { onSelect } = draw(retries(), "reserve");
    await user.click(screen.getByTitle(/Attempt 1: executing 1\.0 s, Failed/));
    expect(onSelect).toHaveBeenLastCalledWith(expect.objectContaining({ reference: "charge_card" }), retries().tasks[1]?.taskId && expect.any(String));
    screen.getByRole("tree").focus();
    await user.keyboard("{ArrowDown}");
    expect(onSelect).toHaveBeenLastCalledWith(expect.objectContaining({ reference: "charge_card" }));
  });

  it("folds loops and zooms by keys", async () => {
    const user = userEvent.setup();
    const { onFold, onWindow } = draw(loop(3), "poll_until");
    screen.getByRole("tree").focus();
    await user.keyboard("{ArrowLeft}");
    expect(onFold).toHaveBeenCalledWith(expect.objectContaining({ reference: "poll_until" }), false);
    await user.keyboard("+");
    expect(onWindow).toHaveBeenCalledTimes(1);
  });

  it("draws of 10,000 tasks those in sight", () => {
    draw(huge());
    expect(screen.getAllByRole("treeitem").length).toBeLessThan(100);
  });
});
