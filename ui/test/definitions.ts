/** Every definition and every recorded run of the conformance scenarios and the demonstration. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readOverview, type Overview } from "../src/model/run";

const ROOT = join(import.meta.dirname, "../..");
type Json = Record<string, unknown>;

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith(".json")) yield path;
  }
}

function* objects(value: unknown): Generator<Json> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Json;
  for (const inside of Object.values(value)) yield* objects(inside);
}

function* found(folders: readonly string[]): Generator<[string, Json]> {
  for (const folder of folders) {
    for (const path of files(join(ROOT, folder))) {
      for (const object of objects(JSON.parse(readFileSync(path, "utf8")))) yield [path.slice(ROOT.length + 1), object];
    }
  }
}

/** Everything that was ever offered as a definition, sound or not, with the file that it stands in. */
export const definitions = (): [string, Json][] =>
  [...found(["tests/conformance/scenarios", "demo/definitions"])].filter(([, object]) => isDefinition(object));

const isDefinition = (object: Json): boolean => "tasks" in object && "name" in object && !("taskReferenceName" in object);
const COLUMNS = ["referenceTaskName", "taskType", "taskDefName", "status", "iteration", "seq", "subWorkflowId"];

/** Runs as a genuine server told them, each with the definition of its scenario that has its name: the last answer of each scenario. */
export function recordedRuns(): [string, Overview][] {
  const runs = new Map<string, Overview>();
  for (const [path, object] of found(["tests/conformance/golden"])) {
    const rows = object["tasks"];
    if (!Array.isArray(rows) || rows.length === 0 || !("workflowDefinition" in object)) continue;
    const scenario: unknown = JSON.parse(readFileSync(join(ROOT, path.replace("/golden/", "/scenarios/")), "utf8"));
    const named = [...objects(scenario)].filter((each) => isDefinition(each) && each["name"] === object["workflowName"]);
    // a scenario that registers several versions, or under several names, says nothing certain
    const definition = named[0];
    if (!definition || named.length > 1) continue;
    const tasks = (rows as Json[]).map((row, i) => [`${path} ${i}`, row["retryCount"], ...COLUMNS.map((column) => row[column])]);
    runs.set(
      path,
      readOverview({
        workflow: { workflowId: "w", workflowName: "w", workflowVersion: 1, status: String(object["status"]), startTime: 0, version: 1 },
        definition: definition as never,
        tasks: { columns: ["taskId", "attempt", ...COLUMNS], rows: tasks },
      }),
    );
  }
  return [...runs];
}
