import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { grid, type Cell, type Recent } from "../model/grid";
import { RunGrid } from "./RunGrid";

const done: Cell = ["COMPLETED", 100, 1];
const failed: Cell = ["FAILED", 2_300, 3];

function recent(runs: number, tasks: number): Recent {
  return {
    runs: Array.from({ length: runs }, (_, i) => ({ workflowId: `run-${i}`, workflowVersion: 1, status: "COMPLETED", startTime: i * 1_000, endTime: i * 1_000 + 500 })),
    tasks: Array.from({ length: tasks }, (_, i) => ({ referenceTaskName: `task_${i}`, taskType: "SIMPLE" })),
    cells: Array.from({ length: runs }, (_, run) => Array.from({ length: tasks }, () => (run === runs - 1 ? failed : done))),
  };
}

// jsdom lays nothing out
beforeAll(() => {
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(600);
  Element.prototype.scrollTo = () => {};
});
afterEach(cleanup);

function show(data: Recent, onOpen = vi.fn()) {
  const { container } = render(
    <MemoryRouter>
      <RunGrid grid={grid(data, 10_000)} label="Last runs" onOpen={onOpen} />
    </MemoryRouter>,
  );
  return { onOpen, container };
}

it("opens the run with the task that keys went to, and says in words what is there", async () => {
  const { onOpen } = show(recent(3, 2));
  await userEvent.tab();
  expect(screen.getByRole("grid", { name: "Last runs" })).toHaveFocus();
  // it begins at the newest run
  await userEvent.keyboard("{Enter}");
  expect(onOpen).toHaveBeenLastCalledWith("run-2", undefined);
  await userEvent.keyboard("{ArrowDown}{ArrowDown}");
  expect(screen.getByText("task_1: Failed after 2.3 s, 3 executions ·")).toBeInTheDocument();
  await userEvent.keyboard("{ArrowLeft}{Enter}");
  expect(onOpen).toHaveBeenLastCalledWith("run-1", "task_1");
});

it("leads from each mark to its run, with the task selected", () => {
  show(recent(2, 1));
  expect(screen.getByRole("link", { name: "task_0: Failed after 2.3 s, 3 executions" })).toHaveAttribute("href", "/runs/run-1?task=task_0");
  expect(screen.getAllByText("failed in the last run")).toHaveLength(1);
});

// a busy machine takes its time to build some hundred cells
it("draws what is in sight only, in both directions", { timeout: 30_000 }, () => {
  // by selector: to work out the roles of everything takes a DOM without a layout for ever
  const { container } = show(recent(100, 500));
  expect(container.querySelector("[role=grid]")).toHaveAttribute("aria-rowcount", "501");
  expect(container.querySelectorAll("[role=row]").length).toBeLessThan(40);
  expect(container.querySelectorAll("[role=gridcell]").length).toBeLessThan(40 * 50);
});
