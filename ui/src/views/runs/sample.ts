/** A definition that runs on any node: it needs no worker, waits ten seconds and says hello. */
export const SAMPLE = {
  name: "podium_sample",
  description: "Waits a little and says hello; the engine runs all of it",
  version: 1,
  ownerEmail: "sample@podium.example",
  schemaVersion: 2,
  tasks: [
    { name: "remember", taskReferenceName: "remember", type: "SET_VARIABLE", inputParameters: { name: "${workflow.input.name}" } },
    { name: "pause_a_little", taskReferenceName: "pause_a_little", type: "WAIT", inputParameters: { duration: "10 seconds" } },
    {
      name: "greet",
      taskReferenceName: "greet",
      type: "INLINE",
      inputParameters: { evaluatorType: "javascript", name: "${workflow.input.name}", expression: "'Hello, ' + $.name + '!'" },
    },
  ],
  outputParameters: { greeting: "${greet.output.result}" },
} as const;

/** The same in two lines of a shell. */
export function sampleCurl(origin: string): string {
  const definition = JSON.stringify(SAMPLE).replaceAll("'", "'\\''");
  return [
    `curl -X PUT ${origin}/api/metadata/workflow -H 'content-type: application/json' -d '[${definition}]'`,
    `curl -X POST ${origin}/api/workflow/${SAMPLE.name} -H 'content-type: application/json' -d '{"name": "Podium"}'`,
  ].join("\n\n");
}
