import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, expect, it } from "vitest";
import { format, parse } from "../model/query";
import { USUAL, type Window } from "../model/search";
import { FilterBar } from "./FilterBar";

afterEach(cleanup);

function Shown({ text }: { text: string }) {
  const [filter, setFilter] = useState(parse(text).filter);
  const [window, setWindow] = useState<Window>(USUAL);
  return (
    <>
      <FilterBar filter={filter} onFilter={setFilter} window={window} onWindow={setWindow} counts={{ FAILED: 1_234 }} workflows={["order"]} />
      <output>{`${format(filter)} | ${JSON.stringify(window)}`}</output>
    </>
  );
}
const shown = () => screen.getByRole("status").textContent;

it("keeps text, chips and counts of statuses the same filter", async () => {
  const user = userEvent.setup();
  render(<Shown text="workflow:order lost" />);
  await user.click(screen.getByRole("button", { name: /^Failed 1,234/ }));
  expect(screen.getByLabelText("Filter as text")).toHaveValue("workflow:order status:FAILED lost");
  await user.click(screen.getByRole("button", { name: "Remove the filter Workflow: order" }));
  expect(shown()).toMatch(/^status:FAILED lost/);
  await user.click(screen.getByRole("checkbox", { name: "Top-level only" }));
  await user.click(screen.getByRole("button", { name: "Last 1 h" }));
  expect(shown()).toBe('status:FAILED top:yes lost | {"kind":"last","ms":3600000}');
  await user.click(screen.getByRole("button", { name: "Clear all filters" }));
  expect(shown()).toMatch(/^ \|/);
});

it("applies a text only when all of it can be read, and says why not", async () => {
  const user = userEvent.setup();
  render(<Shown text="workflow:order" />);
  const field = screen.getByLabelText("Filter as text");
  await user.clear(field);
  await user.type(field, "statuz:FAILED{Enter}");
  expect(screen.getByRole("alert")).toHaveTextContent("there is no field “statuz”");
  await user.clear(field);
  await user.type(field, 'status:failed reason:"no route"{Enter}');
  expect(shown()).toMatch(/^status:FAILED reason:"no route"/);
  expect(screen.getByRole("alert")).toBeEmptyDOMElement();
});

it("adds a filter from its form", async () => {
  const user = userEvent.setup();
  render(<Shown text="" />);
  await user.click(screen.getByRole("button", { name: "Add a filter" }));
  await user.selectOptions(screen.getByLabelText("Field"), "Version");
  await user.type(screen.getByLabelText("Value"), "two");
  await user.click(screen.getByRole("button", { name: "Add this filter" }));
  expect(screen.getByText(/no whole number/)).toBeInTheDocument();
  await user.clear(screen.getByLabelText("Value"));
  await user.type(screen.getByLabelText("Value"), "2");
  await user.click(screen.getByRole("button", { name: "Add this filter" }));
  expect(shown()).toMatch(/^version:2/);
});
