/** Registered definitions carry every member, also those that say nothing; people care about the others. */
import { isMembers, type Members } from "./document";

/** Set by the server. */
const STAMPS = new Set(["createTime", "updateTime", "createdBy", "updatedBy", "version"]);
/** What a definition means where it does not say otherwise. */
const USUAL: Readonly<Record<string, unknown>> = { type: "SIMPLE", restartable: true, enforceSchema: true, timeoutPolicy: "TIME_OUT_WF", schemaVersion: 2 };

/** Whether a member says nothing: the engine puts the same there itself. */
export function saysNothing(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === "") return true;
  return Array.isArray(value) ? value.length === 0 : isMembers(value) && Object.keys(value).length === 0;
}

/** A definition without stamps and without what says nothing, in a fixed order, so that two of them can be compared. */
export function comparable(definition: unknown): unknown {
  return isMembers(definition) ? plain(definition, STAMPS) : definition;
}

function plain(members: Members, left: ReadonlySet<string>): Members {
  const kept = Object.entries(members)
    .filter(([name, value]) => !left.has(name) && !saysNothing(value) && USUAL[name] !== value)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(kept.map(([name, value]) => [name, inTasks(name, value)]));
}

const NONE: ReadonlySet<string> = new Set();
const LISTS = new Set(["tasks", "loopOver", "defaultCase"]);

/** Tasks are compared as definitions are; what they hand over is compared as it stands, also where it is empty. */
function inTasks(name: string, value: unknown): unknown {
  if (LISTS.has(name)) return list(value);
  if (name === "forkTasks" && Array.isArray(value)) return value.map(list);
  if (name === "decisionCases" && isMembers(value)) return Object.fromEntries(Object.entries(value).map(([each, tasks]) => [each, list(tasks)]));
  return value;
}

const list = (value: unknown): unknown => (Array.isArray(value) ? value.map((task) => (isMembers(task) ? plain(task, NONE) : task)) : value);
