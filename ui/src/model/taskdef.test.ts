import { describe, expect, it } from "vitest";
import { fieldText, limitsText, NEW_TASK, retriesText, savedTask, TASK_FIELDS, taskFaults, timeoutsText, violationsByField, withField } from "./taskdef";

const field = (name: string) => TASK_FIELDS.find((each) => each.name === name)!;

describe("the form of a task", () => {
  it("keeps one document: what was typed comes back", () => {
    let doc = NEW_TASK;
    for (const [name, text] of [
      ["name", "charge"],
      ["retryCount", "7"],
      ["inputKeys", "a\nb\n"],
      ["inputTemplate", '{\n  "a": 1\n}'],
      ["timeoutPolicy", "RETRY"],
    ] as const) {
      doc = withField(doc, field(name), text);
      expect(fieldText(field(name), doc[name])).toBe(text);
    }
    expect(doc).toMatchObject({ retryCount: 7, inputKeys: ["a", "b", ""], inputTemplate: { a: 1 } });
    expect(savedTask(doc)["inputKeys"]).toEqual(["a", "b"]);
    expect(taskFaults(doc).size).toBe(0);
  });
  it("keeps what is wrong as it was typed, and says so", () => {
    const doc = withField(withField(NEW_TASK, field("retryCount"), "3x"), field("inputTemplate"), "{");
    expect(fieldText(field("retryCount"), doc["retryCount"])).toBe("3x");
    expect([...taskFaults(doc).keys()].sort()).toEqual(["inputTemplate", "name", "retryCount"]);
  });
  it("says nothing where nothing was typed, and leaves alone what it does not know", () => {
    const doc = withField({ ...NEW_TASK, name: "a", unheardOf: 1 }, field("retryCount"), "");
    expect("retryCount" in doc).toBe(false);
    expect(savedTask(doc)["unheardOf"]).toBe(1);
  });
  it("puts the server's violations beside their fields", () => {
    const by = violationsByField([
      { path: "updateTaskDef.arg0.retryCount", message: "must be >= 0" },
      { path: "updateTaskDef.arg0", message: "responseTimeoutSeconds must be less" },
      { path: "registerTaskDef.taskDefs[0].name", message: "must not be empty" },
    ]);
    expect(by.get("retryCount")).toEqual(["must be >= 0"]);
    expect(by.get("name")).toEqual(["must not be empty"]);
    expect(by.get("")).toEqual(["responseTimeoutSeconds must be less"]);
  });
});

describe("in words", () => {
  it.each([
    [{ retryCount: 0 }, "none"],
    [{}, "none"],
    [{ retryCount: 3, retryLogic: "FIXED", retryDelaySeconds: 10 }, "3, 10 s apart"],
    [{ retryCount: 5, retryLogic: "EXPONENTIAL_BACKOFF", retryDelaySeconds: 1 }, "5, from 1 s, doubling"],
    [{ retryCount: 5, retryLogic: "LINEAR_BACKOFF", retryDelaySeconds: 90 }, "5, from 1 m 30 s, growing"],
    [{ retryCount: 2, retryDelaySeconds: 0 }, "2, at once"],
  ])("retries %#", (task, text) => expect(retriesText(task)).toBe(text));
  it("tells time-outs and limits", () => {
    expect(timeoutsText({ timeoutSeconds: 1_200, timeoutPolicy: "TIME_OUT_WF", responseTimeoutSeconds: 60 })).toBe(
      "20 m in all, then the run ends; reports within 1 m",
    );
    expect(timeoutsText({})).toBe("none");
    expect(limitsText({ concurrentExecLimit: 5, rateLimitPerFrequency: 10, rateLimitFrequencyInSeconds: 60 })).toBe("5 at once, 10 per 1 m");
    expect(limitsText({ rateLimitPerFrequency: 0 })).toBe("none");
  });
});
