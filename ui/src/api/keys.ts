/** All keys of the query cache, so that what is known of a thing can be found again when it changes. */
export const keys = {
  config: ["config"] as const,
  runs: ["runs"] as const,
  runList: (filter: unknown) => ["runs", "list", filter] as const,
  runCounts: (filter: unknown) => ["runs", "counts", filter] as const,
  run: (id: string) => ["run", id] as const,
  runPart: (id: string, part: string, ...more: unknown[]) => ["run", id, part, ...more] as const,
  task: (id: string) => ["task", id] as const,
  definitions: ["definitions"] as const,
  definition: (name: string, ...more: unknown[]) => ["definitions", name, ...more] as const,
  taskDefs: ["taskDefs"] as const,
  schedules: (...more: unknown[]) => ["schedules", ...more] as const,
  queues: ["queues"] as const,
  events: (...more: unknown[]) => ["events", ...more] as const,
  pipeline: (...more: unknown[]) => ["pipeline", ...more] as const,
  plots: (...more: unknown[]) => ["plots", ...more] as const,
  designer: (...more: unknown[]) => ["designer", ...more] as const,
};
