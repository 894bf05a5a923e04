/** What the workflow itself asks: the same description as for nodes. */
import type { Field } from "./fields";

export const WORKFLOW_FIELDS: readonly Field[] = [
  { name: "name", label: "Name", type: "text", required: true },
  { name: "description", label: "Description", type: "long" },
  { name: "ownerEmail", label: "Owner's e-mail", type: "text" },
  { name: "version", label: "Version", type: "number", help: "Empty: seconds since 1970, when it is deployed" },
  { name: "definition.inputParameters", label: "Inputs", type: "names", help: "One a line" },
  { name: "definition.outputParameters", label: "Outputs", type: "parameters" },
  { name: "definition.timeoutSeconds", label: "Time-out (s)", type: "number", help: "0: none. Without a value 3600" },
  {
    name: "definition.timeoutPolicy",
    label: "After the time-out",
    type: "select",
    options: [
      { value: "ALERT_ONLY", label: "Only tell (ALERT_ONLY)" },
      { value: "TIME_OUT_WF", label: "End the run (TIME_OUT_WF)" },
    ],
  },
  { name: "definition.failureWorkflow", label: "Workflow after a failure", type: "text" },
  { name: "definition.restartable", label: "May be restarted", type: "switch", default: true },
  { name: "definition.workflowStatusListenerEnabled", label: "Tells of its status", type: "switch" },
  { name: "definition.workflowStatusListenerSink", label: "Tells it to", type: "text", help: "conductor:name, kafka:topic or an address" },
  { name: "definition.inputTemplate", label: "Preset input", type: "json" },
  { name: "definition.variables", label: "Variables", type: "json" },
];
