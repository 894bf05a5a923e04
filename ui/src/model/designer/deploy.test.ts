import { expect, it } from "vitest";
import { hasPipelineNodes, inputUriOf, nodeOfOffer, nodeOfStatistics, nodeStatuses, readStatistics, statisticsFile } from "./deploy";
import { emptyGraph, type Graph } from "./document";

const node = (type: string, data: Record<string, unknown> = {}) => ({ id: `${type}-1`, type, position: { x: 0, y: 0 }, data });
const graph = (...nodes: Graph["nodes"]): Graph => ({ ...emptyGraph(), nodes });
const made = { "emailValidation-1": ["email_validation", "wait_for_email_validation_completion"], loop: ["loop"], body: ["fetch"] };

it("takes the input of the first e-mail node, else of the hygiene node", () => {
  const hygiene = node("dpEmailHygiene", { inputUri: "s3://b/k.in" });
  expect(inputUriOf(graph(node("emailValidation", { inputBucket: "raw", inputKey: "a.csv" }), hygiene))).toBe("minio://raw/a.csv");
  expect(inputUriOf(graph(node("emailValidation", { inputBucket: "raw" }), hygiene))).toBe("minio://b/k.in");
  expect(inputUriOf(graph(node("task")))).toBeUndefined();
  expect(hasPipelineNodes(graph(node("task")))).toBe(false);
});

it("shows a node as its tasks stand", () => {
  const task = (reference: string, status: string) => ({ reference, status });
  const of = (...tasks: { reference: string; status: string }[]) => nodeStatuses(made, tasks).get("emailValidation-1")?.name;
  const wait = "wait_for_email_validation_completion";
  expect(of()).toBeUndefined();
  expect(of(task("email_validation", "COMPLETED"), task(wait, "IN_PROGRESS"))).toBe("IN_PROGRESS");
  expect(of(task("email_validation", "COMPLETED"), task(wait, "COMPLETED"))).toBe("COMPLETED");
  expect(of(task("email_validation", "COMPLETED"), task(wait, "FAILED"))).toBe("FAILED");
  // the next attempt counts
  expect(of(task(wait, "FAILED"), task(wait, "SCHEDULED"))).toBe("SCHEDULED");
  expect(of(task(wait, "SOMETHING_NEW"))).toBe("SOMETHING_NEW");
  expect(nodeStatuses(made, [task("fetch__1", "COMPLETED"), task("fetch__2__3", "IN_PROGRESS")]).get("body")?.name).toBe("IN_PROGRESS");
});

it("finds the node of an offer and of statistics", () => {
  const offer = (reference: unknown) => ({ workflow_id: "w", retry_url: "u", payload: { reRunFromTaskRefName: reference } });
  expect(nodeOfOffer(made, offer("email_validation"))).toBe("emailValidation-1");
  expect(nodeOfOffer(made, offer(7))).toBeUndefined();
  expect(nodeOfOffer(made, undefined)).toBeUndefined();
  const statistics = { workflow_id: "w", task_id: "email_validation_task", content: "" };
  expect(nodeOfStatistics(graph(), made, statistics)).toBe("emailValidation-1");
  expect(nodeOfStatistics(graph(node("airflowTrigger")), made, { ...statistics, task_id: "airflow_trigger_task" })).toBe("airflowTrigger-1");
  expect(statisticsFile(statistics)).toBe("email_validation_task_w_stats.json");
});

it("reads statistics in all forms", () => {
  expect(readStatistics('{"a": 1}')).toEqual({ a: 1 });
  expect(readStatistics('{"a": 1}\n{"a": 2}\n')).toEqual([{ a: 1 }, { a: 2 }]);
  expect(readStatistics("<b>no</b>")).toBe("<b>no</b>");
});
