/** What tests do behind the pages' back, over the REST API. */
import { inject } from "vitest";
import { until } from "./until";

export type Json = Record<string, unknown>;

export async function call(method: string, path: string, body?: unknown, base = inject("url")): Promise<unknown> {
  const answer = await fetch(`${base}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

let count = 0;
/** A name that no other test has. */
export const fresh = (word: string): string => `${word}_${process.pid}_${++count}`;

export async function define(definition: Json): Promise<string> {
  const whole = { version: 1, schemaVersion: 2, ownerEmail: "tests@example.com", timeoutSeconds: 0, ...definition };
  await call("PUT", "/api/metadata/workflow", [whole]);
  return String(definition["name"]);
}

export const start = async (name: string, input: Json = {}): Promise<string> =>
  String(await call("POST", `/api/workflow/${name}`, input));

export const run = async (id: string): Promise<Json> => (await call("GET", `/api/workflow/${id}`)) as Json;

/** Waits until the run has this status. */
export const becomes = (id: string, status: string): Promise<Json> =>
  until(`run ${id} to be ${status}`, async () => {
    const found = await run(id);
    return found["status"] === status ? found : undefined;
  });

/** Polls one task of the type, and ends it so. */
export async function work(type: string, status: string, output: Json = {}, more: Json = {}): Promise<Json> {
  const task = await until(`a task of ${type}`, async () => (await call("GET", `/api/tasks/poll/${type}?workerid=tests`)) as Json);
  const { workflowInstanceId, taskId } = task;
  await call("POST", "/api/tasks", { workflowInstanceId, taskId, status, outputData: output, workerId: "tests", ...more });
  return task;
}

export const simple = (ref: string, more: Json = {}): Json => ({ name: ref, taskReferenceName: ref, type: "SIMPLE", ...more });
