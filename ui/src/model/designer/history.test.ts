import { expect, it } from "vitest";
import { begin, canRedo, canUndo, change, redo, undo } from "./history";

it("undoes and does again", () => {
  let history = change(change(begin("a"), "b"), "c");
  history = undo(history);
  expect(history.present).toBe("b");
  expect(canRedo(history)).toBe(true);
  history = redo(history);
  expect(history.present).toBe("c");
  history = undo(undo(undo(history)));
  expect([history.present, canUndo(history)]).toEqual(["a", false]);
  expect(undo(history)).toBe(history);
});

it("takes what belongs to one gesture as one step", () => {
  let history = change(begin(""), "h", "name", 0);
  history = change(history, "he", "name", 900);
  history = change(history, "hel", "name", 1_800);
  expect(undo(history).present).toBe("");
  // a pause, or another field, begins a new one
  expect(undo(change(history, "hell", "name", 2_801)).present).toBe("hel");
  expect(undo(change(history, "x", "other", 1_801)).present).toBe("hel");
  expect(undo(change(history, "x")).present).toBe("hel");
});

it("begins a new step after an undo", () => {
  let history = change(begin("a"), "b", "g", 0);
  history = change(undo(history), "c", "g", 1);
  expect(undo(history).present).toBe("a");
  expect(canRedo(history)).toBe(false);
});

it("keeps no more than 200 steps, and none where nothing changed", () => {
  let history = begin(0);
  for (let at = 1; at <= 500; at += 1) history = change(history, at);
  expect(history.past).toHaveLength(200);
  expect(change(history, 500)).toBe(history);
});
