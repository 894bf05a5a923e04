import { cleanup, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { JsonView } from "./JsonView";

afterEach(cleanup);
// jsdom lays nothing out: without a height no row of a long list is in sight
beforeEach(() => {
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(600);
});

const names = () => screen.getAllByRole("treeitem").map((item) => item.textContent?.replaceAll("\u00a0", " "));

describe("JsonView", () => {
  it("shows a value as a tree and opens it by keys", async () => {
    const user = userEvent.setup();
    render(<JsonView value={{ a: { b: { c: 1 } }, html: "<b>x</b>" }} label="output" />);
    expect(screen.queryByText("1")).toBeNull();
    await user.click(screen.getByRole("tree", { name: "output" }));
    await user.keyboard("{Home}{ArrowDown}{ArrowDown}{ArrowRight}");
    expect(names()).toContainEqual(expect.stringContaining("c: 1"));
    await user.keyboard("{ArrowLeft}");
    expect(names()).not.toContainEqual(expect.stringContaining("c: 1"));
    expect(screen.getByText('"<b>x</b>"')).toBeInTheDocument();
  });

  it("copies paths as templates", async () => {
    const user = userEvent.setup();
    const copied = vi.fn();
    render(<JsonView value={{ list: [{ "odd name": 1 }] }} label="output" path="ask.output" onCopyPath={copied} />);
    await user.click(screen.getByRole("treeitem", { name: /list/ }));
    await user.click(within(screen.getByRole("treeitem", { name: /list/ })).getByRole("button", { name: "Copy the path of list" }));
    expect(copied).toHaveBeenCalledWith("${ask.output.list}");
  });

  it("shows the same as text", async () => {
    const user = userEvent.setup();
    render(<JsonView value={{ a: 1 }} label="input" />);
    await user.click(screen.getByRole("button", { name: "Text" }));
    expect(screen.getByText(/"a": 1/)).toBeInTheDocument();
  });

  it("draws a list of 50,000 by what is in sight", () => {
    render(<JsonView value={Array.from({ length: 50_000 }, (_, i) => i)} label="list" />);
    expect(screen.getAllByRole("treeitem").length).toBeLessThan(200);
  });
});
