import { describe, expect, it } from "vitest";
import { crons, cronText, NEW_SCHEDULE, savedSchedule, scheduleFaults, scheduleForm, type ScheduleLike } from "./schedule";
import { startRequest } from "./start";

describe("an expression in words", () => {
  it.each([
    ["0 * * * * *", "Every minute"],
    ["0 */5 * * * ?", "Every 5 minutes"],
    ["0 7 * * * *", "Every hour at 07 minutes past"],
    ["0 0 */4 * * *", "Every 4 hours at 00 minutes past"],
    ["0 30 3 * * *", "Every day at 03:30"],
    ["@daily", "Every day at 00:00"],
    ["0 0 9 ? * MON-FRI", "Monday to Friday at 09:00"],
    ["0 0 9 * * SUN", "Every Sunday at 09:00"],
    ["0 0 9 * * 7", "Every Sunday at 09:00"],
    ["0 0 9 1 * *", "On day 1 of each month at 09:00"],
    ["0 0 9 1 1 *", "0 0 9 1 1 *"],
    ["*/10 * * * * *", "*/10 * * * * *"],
    ["not at all", "not at all"],
  ])("%s", (cron, text) => expect(cronText(cron)).toBe(text));
});

const schedule: ScheduleLike = {
  name: "nightly",
  cronExpression: "0 0 3 * * *",
  zoneId: "Europe/Berlin",
  paused: true,
  scheduleStartTime: Date.UTC(2026, 10, 23, 10, 0),
  startWorkflowRequest: { name: "pay", version: 3, input: { a: 1 }, taskToDomain: { email: "eu", "*": "x" }, priority: 5 },
};

describe("a schedule", () => {
  it("has one expression, or several that count instead", () => {
    expect(crons(schedule)).toEqual([{ cron: "0 0 3 * * *", zone: "Europe/Berlin" }]);
    expect(crons({ ...schedule, cronSchedules: [{ cronExpression: "@daily" }, { cronExpression: "@hourly", zoneId: "UTC" }] })).toEqual([
      { cron: "@daily", zone: "Europe/Berlin" },
      { cron: "@hourly", zone: "UTC" },
    ]);
    expect(crons({ name: "x", startWorkflowRequest: { name: "y" } })).toEqual([]);
  });
  it("comes back from its form as it was, with what the form does not show", () => {
    const form = scheduleForm(schedule);
    expect(form).toMatchObject({ version: "3", from: "2026-11-23T10:00", start: { domains: "email = eu, * = x", priority: "5" } });
    const saved = JSON.parse(savedSchedule(form, { ...schedule, createdBy: "me" } as ScheduleLike, startRequest("pay", 3, form.start))) as object;
    expect(saved).toMatchObject({ ...schedule, createdBy: "me", scheduleEndTime: null });
  });
  it("says what is missing", () => {
    expect(Object.keys(scheduleFaults({ ...NEW_SCHEDULE, cron: " " }, () => false))).toEqual(["name", "workflow", "cron"]);
    const form = { ...scheduleForm(schedule), version: "x", until: "2026-11-23T09:00" };
    expect(scheduleFaults(form, () => true)).toMatchObject({
      name: expect.stringContaining("change that one") as string,
      version: expect.any(String) as string,
      until: "It ends before it begins.",
    });
    expect(scheduleFaults(scheduleForm(schedule), () => false)).toEqual({});
  });
});
