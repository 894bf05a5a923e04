/** The documented kinds of nodes, as the ingestion service describes them (`GET /designer/kinds`): nothing here says what they ask. */
import { isMembers } from "./document";
import { readField, type Field } from "./fields";

export interface Kind {
  type: string;
  label: string;
  group: string;
  help?: string;
  fields: readonly Field[];
  /** Its form becomes the XML of a service. */
  dps: boolean;
}

const named = (type: string, label: string): Kind => ({ type, label, group: "Pipeline", fields: [], dps: false });

/** What is known before the service has ever been asked: kinds that can be drawn, without their forms. */
export const BARE_KINDS: readonly Kind[] = [
  named("emailValidation", "E-mail validation"),
  named("phoneValidation", "Phone validation"),
  named("enrichment", "Enrichment"),
  named("dpEmailHygiene", "E-mail hygiene"),
  named("nameParse", "Name parse"),
  named("airflowTrigger", "Airflow DAG"),
  named("reverseEmail", "Reverse e-mail"),
  named("finalizePipeline", "End of the pipeline"),
  named("waitForResult", "Wait for a result"),
  named("eventWait", "Wait for an event"),
];

/** The kinds as the service tells them; what is no kind is left out. */
export function readKinds(answer: unknown): Kind[] {
  const list = isMembers(answer) && Array.isArray(answer["kinds"]) ? answer["kinds"] : [];
  const groups = new Map<unknown, unknown>();
  for (const each of isMembers(answer) && Array.isArray(answer["groups"]) ? answer["groups"] : []) {
    if (isMembers(each)) groups.set(each["group"], each["label"]);
  }
  return list.flatMap((each: unknown): Kind[] => {
    // tasks of Conductor have a description of their own, by their types
    if (!isMembers(each) || typeof each["type"] !== "string" || each["type"] === "" || each["type"] === "task") return [];
    const { type, label, help, fields } = each;
    const group = groups.get(each["group"]) ?? each["group"];
    return [
      {
        type,
        label: typeof label === "string" && label !== "" ? label : type,
        group: typeof group === "string" && group !== "" ? group : "Services",
        ...(typeof help === "string" && help !== "" ? { help } : {}),
        fields: (Array.isArray(fields) ? fields : []).map(readField).filter((field) => field !== undefined),
        dps: each["dps"] === true,
      },
    ];
  });
}
