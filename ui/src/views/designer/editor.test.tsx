import { ReactFlowProvider } from "@xyflow/react";
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { emptyGraph, readGraph } from "../../model/designer/document";
import { BARE_KINDS } from "../../model/designer/kinds";
import { Editor, EditorContext, isDirty } from "./editor";
import { Palette } from "./Palette";
import { Problems } from "./Problems";

afterEach(cleanup);

it("adds nodes from the palette, each behind the one before", async () => {
  const user = userEvent.setup();
  const editor = new Editor(emptyGraph());
  render(
    <ReactFlowProvider>
      <EditorContext value={editor}>
        <Palette kinds={BARE_KINDS} />
      </EditorContext>
    </ReactFlowProvider>,
  );
  await user.click(screen.getByRole("button", { name: "Add E-mail validation" }));
  await user.type(screen.getByRole("searchbox", { name: "Find a node to add" }), "SWITCH{Enter}");
  const { nodes, edges } = editor.graph();
  expect(nodes.map((node) => node.type)).toEqual(["emailValidation", "task"]);
  expect(edges).toMatchObject([{ source: nodes[0]?.id, target: nodes[1]?.id }]);
  expect(editor.get().selected).toEqual([nodes[1]?.id]);
  expect(isDirty(editor.get())).toBe(true);
  editor.undo();
  editor.undo();
  expect(isDirty(editor.get())).toBe(false);
});

it("tells the problems and leads to them", async () => {
  const user = userEvent.setup();
  const go = vi.fn();
  const graph = readGraph({ nodes: [{ id: "a", type: "<b>odd</b>" }] });
  const problem = { message: "<img src=x> is wrong", node: "a", field: "name", from: "engine" as const };
  render(
    <EditorContext value={new Editor(graph)}>
      <Problems validation={{ problems: [problem, { message: "a notice", from: "page", mild: true }], isCurrent: true, checking: false, away: "Nobody answers." }} onGo={go} />
    </EditorContext>,
  );
  expect(screen.getByRole("status")).toHaveTextContent("1 problem, 1 notice");
  expect(screen.getByRole("status")).toHaveTextContent("Nobody answers.");
  await user.click(screen.getByRole("button", { name: /<img src=x> is wrong/ }));
  expect(go).toHaveBeenCalledWith(problem);
});

it("counts places alone as no change of the work", () => {
  const graph = readGraph({ nodes: [{ id: "a", type: "x" }] });
  const editor = new Editor(graph);
  editor.apply((present) => ({ ...present, nodes: present.nodes.map((node) => ({ ...node, position: { x: 5, y: 5 } })) }));
  expect(isDirty(editor.get())).toBe(false);
  editor.apply((present) => ({ ...present, name: "other" }));
  expect(isDirty(editor.get())).toBe(true);
  editor.kept(editor.graph());
  expect(isDirty(editor.get())).toBe(false);
});
