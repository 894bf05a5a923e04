/** Schedules: what they say in words, and the form of one. */
import { expectedInput, NOTHING, type Start } from "./start";

/** A schedule as the server tells it, as far as it is shown. */
export interface ScheduleLike {
  name: string;
  description?: string | null | undefined;
  cronExpression?: string | null | undefined;
  cronSchedules?: readonly { cronExpression: string; zoneId?: string | null | undefined }[] | null | undefined;
  zoneId?: string | null | undefined;
  paused?: boolean | null | undefined;
  pausedReason?: string | null | undefined;
  runCatchupScheduleInstances?: boolean | null | undefined;
  scheduleStartTime?: number | null | undefined;
  scheduleEndTime?: number | null | undefined;
  startWorkflowRequest: {
    name: string;
    version?: number | null | undefined;
    input?: Readonly<Record<string, unknown>> | null | undefined;
    correlationId?: string | null | undefined;
    priority?: number | null | undefined;
    taskToDomain?: Readonly<Record<string, string>> | null | undefined;
  };
}

/** The expressions that count, each with its zone. */
export function crons(schedule: ScheduleLike): { cron: string; zone: string }[] {
  if (schedule.cronSchedules && schedule.cronSchedules.length > 0) {
    return schedule.cronSchedules.map((each) => ({ cron: each.cronExpression, zone: each.zoneId || schedule.zoneId || "UTC" }));
  }
  return schedule.cronExpression ? [{ cron: schedule.cronExpression, zone: schedule.zoneId || "UTC" }] : [];
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const two = (text: string): string => text.padStart(2, "0");

/** The usual expressions in words; others are shown as they are. Six fields, seconds first. */
export function cronText(cron: string): string {
  const macro = { "@hourly": "0 0 * * * *", "@daily": "0 0 0 * * *", "@midnight": "0 0 0 * * *", "@weekly": "0 0 0 * * 0" }[cron.trim()];
  const fields = (macro ?? cron).trim().split(/\s+/);
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const number = (text: string) => /^\d{1,2}$/.test(text);
  const any = (text: string) => text === "*" || text === "?";
  if (fields.length !== 6 || second !== "0" || !any(month)) return cron;
  const step = /^(?:\*|0)\/(\d+)$/;
  if (any(day) && any(weekday) && any(hour)) {
    if (any(minute)) return "Every minute";
    const each = step.exec(minute)?.[1];
    if (each) return `Every ${each} minutes`;
    if (number(minute)) return `Every hour at ${two(minute)} minutes past`;
  }
  if (!number(minute)) return cron;
  const hours = step.exec(hour)?.[1];
  if (hours && any(day) && any(weekday)) return `Every ${hours} hours at ${two(minute)} minutes past`;
  if (!number(hour)) return cron;
  const time = `${two(hour)}:${two(minute)}`;
  if (any(day) && any(weekday)) return `Every day at ${time}`;
  if (any(day) && /^(MON-FRI|1-5)$/i.test(weekday)) return `Monday to Friday at ${time}`;
  const named = NAMES.indexOf(weekday.toUpperCase());
  const at = named >= 0 ? named : /^[0-7]$/.test(weekday) ? Number(weekday) % 7 : -1;
  if (any(day) && at >= 0) return `Every ${DAYS[at]} at ${time}`;
  if (number(day) && any(weekday)) return `On day ${day} of each month at ${time}`;
  return cron;
}

/** What the form holds; times as `2026-11-23T10:00`, in UTC. */
export interface ScheduleForm {
  name: string;
  description: string;
  workflow: string;
  version: string;
  cron: string;
  zone: string;
  /** It has several expressions, which only its JSON shows: they count instead of the one of the form. */
  several: boolean;
  from: string;
  until: string;
  catchUp: boolean;
  paused: boolean;
  start: Start;
}

export const NEW_SCHEDULE: ScheduleForm = {
  name: "",
  description: "",
  workflow: "",
  version: "",
  cron: "0 0 3 * * *",
  zone: "UTC",
  several: false,
  from: "",
  until: "",
  catchUp: false,
  paused: false,
  start: NOTHING,
};

const minutes = (at: number | null | undefined): string => (at ? new Date(at).toISOString().slice(0, 16) : "");
const instant = (text: string): number | undefined => (text === "" ? undefined : Date.parse(`${text}Z`));

export function scheduleForm(schedule: ScheduleLike): ScheduleForm {
  const request = schedule.startWorkflowRequest;
  return {
    name: schedule.name,
    description: schedule.description ?? "",
    workflow: request.name,
    version: request.version ? String(request.version) : "",
    cron: schedule.cronExpression ?? "",
    zone: schedule.zoneId ?? "UTC",
    several: (schedule.cronSchedules?.length ?? 0) > 0,
    from: minutes(schedule.scheduleStartTime),
    until: minutes(schedule.scheduleEndTime),
    catchUp: schedule.runCatchupScheduleInstances ?? false,
    paused: schedule.paused ?? false,
    start: {
      input: request.input ? JSON.stringify(request.input, null, 2) : expectedInput(undefined),
      correlationId: request.correlationId ?? "",
      priority: request.priority ? String(request.priority) : "",
      domains: Object.entries(request.taskToDomain ?? {})
        .map(([type, domain]) => `${type} = ${domain}`)
        .join(", "),
    },
  };
}

/** What is missing, by field. Whether an expression can be read, the server says. */
export function scheduleFaults(form: ScheduleForm, taken: (name: string) => boolean): Partial<Record<keyof ScheduleForm, string>> {
  const faults: Partial<Record<keyof ScheduleForm, string>> = {};
  if (form.name.trim() === "") faults.name = "It needs a name.";
  else if (taken(form.name.trim())) faults.name = "There is a schedule of this name: change that one instead.";
  if (form.workflow.trim() === "") faults.workflow = "It needs a workflow to start.";
  if (!/^(\d+)?$/.test(form.version.trim())) faults.version = "A version is a whole number; none is the latest.";
  if (form.cron.trim() === "" && !form.several) faults.cron = "It needs an expression.";
  const [from, until] = [instant(form.from), instant(form.until)];
  if (from !== undefined && until !== undefined && until <= from) faults.until = "It ends before it begins.";
  return faults;
}

/** What is saved; `before` keeps what the form does not show. The request for the start comes as text, see `startRequest`. */
export function savedSchedule(form: ScheduleForm, before: ScheduleLike | undefined, request: string): string {
  const [from, until] = [instant(form.from), instant(form.until)];
  const rest: Record<string, unknown> = {
    ...before,
    name: form.name.trim(),
    description: form.description,
    ...(form.several ? {} : { cronExpression: form.cron.trim() }),
    zoneId: form.zone.trim() || "UTC",
    runCatchupScheduleInstances: form.catchUp,
    paused: form.paused,
    scheduleStartTime: from ?? null,
    scheduleEndTime: until ?? null,
  };
  delete rest["startWorkflowRequest"];
  return `${JSON.stringify(rest).slice(0, -1)},"startWorkflowRequest":${request}}`;
}
