/** The one way to the node's REST API, typed by its own description. */
import createClient from "openapi-fetch";
import { jsonOrText } from "../model/json";
import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];

/** What the server said, or that it said nothing. */
export class ApiFailure extends Error {
  constructor(
    message: string,
    /** 0 if there was no answer. */
    readonly status: number,
    readonly violations: readonly { path?: string; message: string }[] = [],
    /** Origin of who was asked. */
    readonly from = location.origin,
  ) {
    super(message);
    this.name = "ApiFailure";
  }
}

async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    const { origin } = new URL(request.url);
    const who = origin === location.origin ? "The server" : `The ingestion service at ${origin}`;
    throw new ApiFailure(`${who} does not answer.`, 0, [], origin);
  }
}

export const client = createClient<paths>({ baseUrl: location.origin, fetch: reach });

/** The data of an answer, or its failure as an error, with the server's own words. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok || error !== undefined) throw failure(error, response);
  return data as T;
}

/** Where the typed client has no place: texts, and Podium's other services. */
export async function fetchJson<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await reach(new Request(url, init));
  const text = await response.text();
  const body = jsonOrText(text);
  if (!response.ok) throw failure(body, response);
  return body as T;
}

/** One thing of a list of what has the wrong shape. */
function place(fault: { loc?: readonly unknown[]; msg?: unknown }): string {
  return `${(fault.loc ?? []).join(".")}: ${String(fault.msg)}`;
}

function failure(body: unknown, response: Response): ApiFailure {
  const said = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const detail = said["detail"];
  const message = [said["message"], Array.isArray(detail) ? detail.map(place).join("; ") : detail, typeof body === "string" ? body : undefined].find(
    (text): text is string => typeof text === "string" && text !== "",
  );
  const list = Array.isArray(said["validationErrors"])
    ? said["validationErrors"]
    : Array.isArray(said["violations"])
      ? said["violations"]
      : [];
  return new ApiFailure(message ?? `The server answered ${response.status}.`, response.status, list);
}
