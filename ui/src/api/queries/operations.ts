/** What operators do to a run: each with what it would do. */
import { foreseen, obstacle, type Choices, type Impact } from "../../model/impact";
import { readOverview, type Overview, type WireOverview } from "../../model/run";
import type { Verb } from "../../model/status";
import { ApiFailure, fetchJson } from "../client";

/** What the run or a task gets in place of what it had; absent stays as it is. */
export interface Edits {
  taskInput?: Record<string, unknown>;
  workflowInput?: Record<string, unknown>;
  correlationId?: string;
  /** Of a task that is skipped or completed by hand. */
  output?: Record<string, unknown>;
}

const part = encodeURIComponent;
const run = (id: string, rest = "") => `/api/workflow/${part(id)}${rest}`;
const json = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

export const overviewOf = async (id: string, signal?: AbortSignal): Promise<Overview> =>
  readOverview(await fetchJson<WireOverview>(`/api/podium/workflows/${part(id)}/overview`, signal ? { signal } : {}));

/** A value of a parameter is a text: others are given as JSON. */
const members = (name: string, object: Readonly<Record<string, unknown>> | undefined): [string, string][] =>
  Object.entries(object ?? {}).map(([key, value]) => [`${name}[${key}]`, typeof value === "string" ? value : JSON.stringify(value)]);

interface Call {
  url: string;
  parameters?: [string, string][];
  init: RequestInit;
  /** The server tells what it would do. */
  previews?: boolean;
}

/** The request that does it. */
export function call(verb: Verb, id: string, choices: Choices, edits: Edits): Call {
  const reason: [string, string][] = choices.reason.trim() === "" ? [] : [["reason", choices.reason.trim()]];
  switch (verb) {
    case "retry":
      return {
        url: run(id, "/retry"),
        parameters: choices.resumeChildren ? [["resumeSubworkflowTasks", "true"]] : [],
        init: { method: "POST" },
        previews: true,
      };
    case "restart":
      return {
        url: run(id, "/restart"),
        parameters: choices.latestDefinition ? [["useLatestDefinitions", "true"]] : [],
        init: { method: "POST" },
        previews: true,
      };
    case "rerun": {
      const { taskInput, workflowInput, correlationId } = edits;
      const changed = { taskInput, workflowInput, correlationId };
      const { task } = choices;
      const from = task?.taskId ? { reRunFromTaskId: task.taskId } : task ? { reRunFromTaskRefName: task.referenceTaskName } : {};
      return { url: run(id, "/rerun"), init: json("POST", { ...from, ...changed }), previews: true };
    }
    case "skip":
      return {
        url: run(id, `/skiptask/${part(choices.task?.referenceTaskName ?? "")}`),
        parameters: members("taskOutput", edits.output),
        init: { method: "PUT" },
        previews: true,
      };
    case "pause":
    case "resume":
      return { url: run(id, `/${verb}`), init: { method: "PUT" } };
    case "terminate":
      return { url: run(id), parameters: reason, init: { method: "DELETE" } };
    case "remove":
      return { url: run(id, "/remove"), parameters: [["archiveWorkflow", String(choices.archive)]], init: { method: "DELETE" } };
    case "complete":
      return {
        url: "/api/tasks",
        init: json("POST", {
          workflowInstanceId: id,
          taskId: choices.task?.taskId,
          status: choices.status,
          outputData: edits.output ?? {},
          ...(reason.length > 0 ? { reasonForIncompletion: choices.reason.trim() } : {}),
        }),
      };
  }
}

const address = ({ url, parameters = [] }: Call, more: [string, string][] = []): string => {
  const query = new URLSearchParams([...parameters, ...more]).toString();
  return query ? `${url}?${query}` : url;
};

/** What it would do now: the server's own preview where there is one, else what follows from the run as it is. A refusal is thrown. */
export async function previewOf(verb: Verb, id: string, choices: Choices, edits: Edits, signal?: AbortSignal): Promise<Impact> {
  const request = call(verb, id, choices, edits);
  if (request.previews)
    return fetchJson<Impact>(address(request, [["dryRun", "true"]]), { ...request.init, ...(signal ? { signal } : {}) });
  const overview = await overviewOf(id, signal);
  const why = obstacle(verb, overview, choices);
  if (why !== undefined) throw new ApiFailure(why, 409);
  return foreseen(verb, overview, choices);
}

export async function perform(verb: Verb, id: string, choices: Choices, edits: Edits): Promise<void> {
  const request = call(verb, id, choices, edits);
  await fetchJson(address(request), request.init);
}

/** The input that a rerun would use if nobody changes it. */
export async function inputOf(what: "task" | "run", id: string): Promise<unknown> {
  if (what === "task") return (await fetchJson<{ inputData?: unknown }>(`/api/tasks/${part(id)}`)).inputData ?? {};
  return (await fetchJson<{ input?: unknown }>(run(id, "?includeTasks=false"))).input ?? {};
}
