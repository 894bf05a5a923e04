import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { MemoryRouter } from "react-router";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { keys } from "../../api/keys";
import { perform, previewOf } from "../../api/queries/operations";
import type { Impact } from "../../model/impact";
import OperationDialog from "./OperationDialog";

vi.mock("../../api/live", () => ({ useLive: () => "live", liveUrl: () => "" }));
vi.mock("../../api/queries/operations", () => ({ perform: vi.fn(), previewOf: vi.fn(), overviewOf: vi.fn(), inputOf: vi.fn() }));

const task = (referenceTaskName: string) => ({ referenceTaskName, taskType: "SIMPLE", status: "SCHEDULED", iteration: 0, retryCount: 1 });
const impact = (...again: string[]): Impact => ({
  workflowId: "w",
  statusBefore: "FAILED",
  statusAfter: "RUNNING",
  kept: [],
  reset: [],
  runAgain: again.map(task),
  cancelled: [],
  workflows: [],
});

let queries: QueryClient;
beforeEach(() => {
  queries = new QueryClient();
  vi.mocked(perform).mockResolvedValue();
  vi.mocked(previewOf).mockResolvedValue(impact("charge", "mail"));
  render(
    <QueryClientProvider client={queries}>
      <MemoryRouter>
        <OperationDialog asked={{ verb: "retry", workflowId: "w" }} />
      </MemoryRouter>
    </QueryClientProvider>,
  );
});
afterEach(() => {
  cleanup();
  vi.resetAllMocks();
});

it("shows what it would do, and does it by a button that says so", async () => {
  const user = userEvent.setup();
  const button = await screen.findByRole("button", { name: "Retry: run 2 tasks again" });
  expect(screen.getByRole("list", { name: "Run again" })).toHaveTextContent(/charge.*mail/);
  expect(perform).not.toHaveBeenCalled();
  await user.click(button);
  await waitFor(() => expect(perform).toHaveBeenCalledOnce());
});

it("does nothing when the run has changed since, but shows the new preview first", async () => {
  const user = userEvent.setup();
  const button = await screen.findByRole("button", { name: "Retry: run 2 tasks again" });
  vi.mocked(previewOf).mockResolvedValue(impact("charge"));
  await user.click(button);
  expect(await screen.findByText(/has changed since/)).toBeInTheDocument();
  expect(perform).not.toHaveBeenCalled();
  expect(button).toBeDisabled();
  await user.click(screen.getByRole("button", { name: "Show the new preview" }));
  await user.click(screen.getByRole("button", { name: "Retry: run 1 task again" }));
  await waitFor(() => expect(perform).toHaveBeenCalledOnce());
});

it("waits for the viewer when news of the run change the preview", async () => {
  const button = await screen.findByRole("button", { name: "Retry: run 2 tasks again" });
  vi.mocked(previewOf).mockResolvedValue(impact());
  await act(() => queries.invalidateQueries({ queryKey: keys.run("w") }));
  expect(await screen.findByRole("button", { name: "Show the new preview" })).toBeInTheDocument();
  expect(button).toBeDisabled();
});

it("says the refusal in the server's words", async () => {
  const user = userEvent.setup();
  const button = await screen.findByRole("button", { name: "Retry: run 2 tasks again" });
  vi.mocked(perform).mockRejectedValue(new Error("Workflow is still running. status=RUNNING"));
  await user.click(button);
  expect(await screen.findByText("Refused: Workflow is still running. status=RUNNING")).toBeInTheDocument();
});
