import { cleanup, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { DataTable, type Column } from "./DataTable";

interface Row {
  id: string;
  name: string;
}
const ROWS: readonly Row[] = Array.from({ length: 10_000 }, (_, i) => ({ id: `r${i}`, name: `run ${i}` }));
const COLUMNS: readonly Column<Row>[] = [
  { id: "name", title: "Name", sorts: true, cell: (row) => row.name },
  { id: "id", title: "Id", cell: (row) => row.id },
];
const rowId = (row: Row) => row.id;

// jsdom lays nothing out
beforeAll(() => {
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(640);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(1_000);
  Element.prototype.scrollTo = () => {};
});
afterEach(cleanup);
// a machine with other work is slow with ten thousand rows
vi.setConfig({ testTimeout: 30_000 });

function Shown({ rows = ROWS, onOpen = () => {}, told }: { rows?: readonly Row[]; onOpen?: (row: Row) => void; told: (size: number) => void }) {
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  return (
    <DataTable
      rows={rows}
      columns={COLUMNS}
      rowId={rowId}
      onOpen={onOpen}
      selection={selection}
      onSelectionChange={(next) => {
        told(next.size);
        setSelection(next);
      }}
      label="Runs"
      empty={<p>None</p>}
    />
  );
}

it("draws only what is in sight, and tells how many there are", () => {
  render(<Shown told={() => {}} />);
  const grid = screen.getByRole("grid", { name: "Runs" });
  expect(grid).toHaveAttribute("aria-rowcount", "10001");
  expect(within(grid).getAllByRole("row").length).toBeLessThan(80);
  expect(within(grid).getAllByRole("row").length).toBeGreaterThan(10);
});

it("is gone through, selected and opened by keys", async () => {
  const [told, opened] = [vi.fn(), vi.fn()];
  const user = userEvent.setup();
  render(<Shown rows={ROWS.slice(0, 40)} told={told} onOpen={opened} />);
  screen.getByRole("grid").focus();
  await user.keyboard("jjxkx{Enter}");
  expect(told.mock.calls.map(([size]) => size as number)).toEqual([1, 2]);
  expect(opened).toHaveBeenCalledWith(ROWS[0]);
  expect(screen.getByRole("row", { name: /run 1 / })).toHaveAttribute("aria-selected", "true");
});

it("selects ten thousand rows at once, and up to a row with shift", async () => {
  const told = vi.fn();
  const user = userEvent.setup();
  render(<Shown told={told} />);
  await user.click(screen.getByRole("checkbox", { name: /all rows/ }));
  expect(told).toHaveBeenLastCalledWith(10_000);
  await user.click(screen.getByRole("checkbox", { name: /all rows/ }));
  expect(told).toHaveBeenLastCalledWith(0);
  await user.click(screen.getByRole("checkbox", { name: "Select row 2" }));
  await user.keyboard("{Shift>}");
  await user.click(screen.getByRole("checkbox", { name: "Select row 6" }));
  await user.keyboard("{/Shift}");
  expect(told).toHaveBeenLastCalledWith(5);
});

it("says that there is nothing", () => {
  render(<Shown rows={[]} told={() => {}} />);
  expect(screen.getByText("None")).toBeInTheDocument();
});
