import { cleanup, configure, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { MemoryRouter } from "react-router";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { htmlEverywhere, huge, inFlight, loop, retries, run, simple } from "../../test/fixtures/gallery";
import { NO_FOLDS, withFold, withShown, type Folds } from "../model/folds";
import { graph } from "../model/graph";
import type { Overview } from "../model/run";
import { structureOf } from "../model/structure";
import DagCanvas from "./DagCanvas";
import { neighbour, type Box, type Way } from "./dag/geometry";
import { DefinitionDiagram } from "./DefinitionDiagram";

// the quick layout answers where the engine cannot be had
vi.mock("../model/elk", () => ({ engine: () => Promise.reject(new Error("no worker here")), giveUp: () => undefined }));

// a busy machine is not a fault of the page
configure({ asyncUtilTimeout: 8_000 });
vi.setConfig({ testTimeout: 30_000 });

beforeAll(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} unobserve() {} disconnect() {} }); // prettier-ignore
  vi.stubGlobal("DOMMatrixReadOnly", class { m22 = 1; }); // prettier-ignore
  vi.stubGlobal("matchMedia", () => ({ matches: true }));
});

afterEach(cleanup);

// clicks without the pointer's way there: what listens to that for panning needs a real window
const click = (element: HTMLElement): void => void fireEvent.click(element);
const chosen = vi.fn();
function Shown({ overview }: { overview: Overview }) {
  const [folds, setFolds] = useState<Folds>(NO_FOLDS);
  return (
    <MemoryRouter>
      <DagCanvas
        graph={graph(structureOf(overview.definition), { overview }, folds)}
        onSelect={chosen}
        onFold={(id, open) => setFolds((old) => withFold(old, id, open))}
        onShow={(id, part) => setFolds((old) => withShown(old, id, part))}
        label="Diagram of a run"
      />
    </MemoryRouter>
  );
}
const card = (name: string | RegExp) => screen.findByRole("button", { name });

describe("a canvas", () => {
  it("has a name, and buttons that say everything about a task", async () => {
    render(<Shown overview={retries()} />);
    const canvas = await screen.findByRole("application", { name: "Diagram of a run" });
    click(await within(canvas).findByRole("button", { name: "charge_card, SIMPLE, in progress, 3 attempts" }));
    expect(chosen).toHaveBeenLastCalledWith("charge_card", undefined);
  });

  it("is walked through by arrows, with one card in the order of the tab key", async () => {
    render(<Shown overview={retries()} />);
    const first = await card(/^reserve/);
    first.focus();
    await userEvent.keyboard("{ArrowDown}");
    await waitFor(async () => expect(await card(/^charge_card/)).toHaveFocus());
    expect(first).toHaveAttribute("tabindex", "-1");
    expect(await card(/^charge_card/)).toHaveAttribute("tabindex", "0");
  });

  it("folds by a button and by space, and shows another iteration", async () => {
    render(<Shown overview={loop(40)} />);
    const picker = await screen.findByRole("textbox", { name: "Iteration of poll_until, 1 to 40" });
    fireEvent.change(picker, { target: { value: "7" } });
    fireEvent.keyDown(picker, { key: "Enter" });
    click(await card(/^weigh/));
    expect(chosen).toHaveBeenLastCalledWith("weigh__7", undefined);
    click(await card("Fold poll_until"));
    const folded = await card("poll_until, DO_WHILE, completed, 40 s, iteration 7 of 40, folded: 80 completed");
    folded.focus();
    await userEvent.keyboard(" ");
    expect(await card("Fold poll_until")).toBeVisible();
  });

  it("says how much is folded away", async () => {
    render(<Shown overview={huge(10_000)} />);
    await card(/^fan, FORK_JOIN_DYNAMIC, completed, 0 ms, folded: /);
    expect(screen.getByRole("status")).toHaveTextContent(/9,\d\d\d tasks folded away/);
  });

  it("shows markup in names as text", async () => {
    render(<Shown overview={htmlEverywhere()} />);
    await card(/^<img src=x/);
    expect(document.querySelector("img")).toBeNull();
  });
});

describe("a definition", () => {
  it("is drawn without a run", async () => {
    render(<DefinitionDiagram definition={inFlight().definition} />, { wrapper: MemoryRouter });
    expect(await screen.findByRole("application", { name: "Diagram of in_flight" })).toBeVisible();
    expect(await card("left, SIMPLE")).toBeVisible();
  });

  it.each([[null], ["a text"], [{ name: "odd", tasks: null }], [{ name: "odd", tasks: [] }]])("is shown as it came if nothing can be drawn of it: %j", async (definition) => {
    render(<DefinitionDiagram definition={definition} />, { wrapper: MemoryRouter });
    expect(await screen.findByRole("list", { name: "Definition" })).toBeVisible();
  });
});

it("leads along the way that was taken, into containers and out of them", () => {
  const tasks = [
    { ...simple("s"), type: "SWITCH", decisionCases: { x: [simple("a")], y: [simple("b")] } },
    { ...simple("w"), type: "DO_WHILE", loopOver: [simple("in1"), simple("in2")] },
    simple("c"),
  ];
  const picture = graph(structureOf(run("walk", tasks, []).definition), undefined, NO_FOLDS);
  const lit = { ...picture, edges: picture.edges.map((edge) => ({ ...edge, lit: edge.target !== "a" && edge.source !== "a" })) };
  const at = new Map<string, Box>();
  const go = (from: string, way: Way) => neighbour(lit, at, from, way, "RIGHT");
  expect(go("s", "ArrowRight")).toBe("b");
  expect(go("b", "ArrowRight")).toBe("w");
  expect(go("w", "ArrowRight")).toBe("in1");
  expect(go("in2", "ArrowRight")).toBe("c");
  expect(go("in1", "ArrowLeft")).toBe("w");
  expect(go("w", "ArrowLeft")).toBe("b");
});
