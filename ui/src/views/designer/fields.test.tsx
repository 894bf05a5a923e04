import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, expect, it, vi } from "vitest";
import type { Members } from "../../model/designer/document";
import { taskType } from "../../model/designer/taskTypes";
import { ExpressionInput } from "./ExpressionInput";
import { Fields } from "./Field";
import { JsonInput } from "./JsonInput";

afterEach(cleanup);

const OFFERS = [
  { text: "workflow.input.order", about: "input of the workflow" },
  { text: "fetch.output", about: "output of fetch" },
];

function Expression() {
  const [text, setText] = useState("");
  return <ExpressionInput id="e" aria-label="Value" value={text} onChange={setText} offers={OFFERS} />;
}

it("offers what can be named after ${, by keys", async () => {
  const user = userEvent.setup();
  render(<Expression />);
  const field = screen.getByRole("combobox", { name: "Value" });
  await user.type(field, "a $");
  expect(screen.queryByRole("option")).toBeNull();
  await user.type(field, "{{");
  expect(screen.getAllByRole("option")).toHaveLength(2);
  await user.type(field, "fet{Enter}!");
  expect(field).toHaveValue("a ${fetch.output}!");
  expect(screen.queryByRole("option")).toBeNull();
});

it("closes the offers by Escape and keeps what is typed", async () => {
  const user = userEvent.setup();
  render(<Expression />);
  const field = screen.getByRole("combobox", { name: "Value" });
  await user.type(field, "${{x{Escape}");
  expect(field).toHaveValue("${x");
  expect(field).toHaveAttribute("aria-expanded", "false");
});

it("does not take over what is no JSON, and says so", async () => {
  const user = userEvent.setup();
  const changed = vi.fn();
  function Held() {
    const [value, setValue] = useState<unknown>({ a: 1 });
    changed.mockImplementation(setValue);
    return <JsonInput label="Body" value={value} onChange={changed} />;
  }
  render(<Held />);
  const field = screen.getByRole("textbox", { name: "Body" });
  await user.type(field, "x");
  expect(screen.getByRole("alert")).toHaveTextContent("Not taken over");
  expect(changed).not.toHaveBeenCalled();
  await user.clear(field);
  expect(changed).toHaveBeenLastCalledWith(undefined);
  await user.click(field);
  await user.paste("[1]");
  expect(changed).toHaveBeenLastCalledWith([1]);
});

function Form({ type, from }: { type: string; from: Members }) {
  const [members, setMembers] = useState(from);
  return (
    <>
      <Fields fields={taskType(type).fields} members={members} onChange={setMembers} offers={OFFERS} wrong={new Map([["inputParameters.http_request.uri", "The address is missing"]])} />
      <output>{JSON.stringify(members)}</output>
    </>
  );
}
const written = () => JSON.parse(screen.getByRole("status").textContent ?? "") as unknown;

it("draws a form from its description, and writes members where they belong", async () => {
  const user = userEvent.setup();
  render(<Form type="HTTP" from={{ inputParameters: { http_request: { odd: true } } }} />);
  const address = screen.getByRole("combobox", { name: /^Address/ });
  expect(address).toHaveAccessibleDescription("The address is missing");
  await user.type(address, "http://x");
  await user.selectOptions(screen.getByRole("combobox", { name: /^Method/ }), "POST");
  await user.click(screen.getByRole("checkbox", { name: /Stay open/ }));
  await user.type(screen.getByRole("textbox", { name: "Name of one more in Headers" }), "X-A{Enter}");
  await user.type(screen.getByRole("combobox", { name: "X-A" }), "1");
  expect(written()).toEqual({
    asyncComplete: true,
    inputParameters: { http_request: { odd: true, uri: "http://x", method: "POST", headers: { "X-A": "1" } } },
  });
  // an empty field is no member
  await user.clear(address);
  expect(written()).not.toHaveProperty("inputParameters.http_request.uri");
});

it("shows no parameter twice", () => {
  render(<Form type="INLINE" from={{ inputParameters: { expression: "1", evaluatorType: "javascript", value: 2 } }} />);
  expect(screen.getByRole("textbox", { name: "value" })).toHaveValue("2");
  expect(screen.queryByRole("combobox", { name: "expression" })).toBeNull();
});
