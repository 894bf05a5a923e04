import { useState } from "react";
import { ApiFailure } from "../../api/client";
import { useSaveTaskDef, type TaskDef } from "../../api/queries/taskdefs";
import { NEW_TASK, savedTask, taskFaults, violationsByField, type TaskDoc } from "../../model/taskdef";
import { Code } from "../../widgets/Code";
import { Dialog } from "../../widgets/Dialog";
import { words } from "../../widgets/ErrorState";
import { useToast } from "../../widgets/Toast";
import { TaskDefForm } from "./TaskDefForm";
import "../../widgets/json.css";

interface Props {
  /** The one to change; a new one, perhaps with a name, if it is only partly known. */
  task: TaskDef | { name: string };
  create: boolean;
  /** Names that are taken already: a new one of such a name would replace the other. */
  taken: (name: string) => boolean;
  onClose: () => void;
}

/** Creates or changes the definition of a task: a form and its JSON, two views of one document. */
export function TaskDefDialog({ task, create, taken, onClose }: Props) {
  const [doc, setDoc] = useState<TaskDoc>(() => (create ? { ...NEW_TASK, ...task } : { ...task }));
  const [json, setJson] = useState<string>();
  const [tried, setTried] = useState(false);
  const save = useSaveTaskDef();
  const toast = useToast();
  const faults = taskFaults(doc);
  if (create && typeof doc["name"] === "string" && taken(doc["name"])) {
    faults.set("name", "There is a definition of this name: change that one instead.");
  }
  const notJson = json === undefined ? null : jsonFault(json);
  const refused = save.error instanceof ApiFailure ? violationsByField(save.error.violations) : undefined;

  const submit = () => {
    setTried(true);
    if (faults.size > 0 || notJson !== null || save.isPending) return;
    const saved = savedTask(doc) as unknown as TaskDef;
    save.mutate(
      { task: saved, create },
      {
        onSuccess: () => {
          toast({ text: `The task definition ${saved.name} is saved. Tasks that are scheduled from now on keep to it.` });
          onClose();
        },
      },
    );
  };
  const type = (text: string) => {
    setJson(text);
    if (jsonFault(text) === null) setDoc(JSON.parse(text) as TaskDoc);
  };
  const title = create ? "New task definition" : `Change ${String(task.name)}`;
  const whole = save.error ? [words(save.error), ...(refused?.get("") ?? [])] : [];
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title={title} width={820}>
      <div role="group" aria-label="Show the definition as" className="switch">
        <button type="button" aria-pressed={json === undefined} disabled={notJson !== null} onClick={() => setJson(undefined)}>
          Form
        </button>
        <button type="button" aria-pressed={json !== undefined} onClick={() => setJson((text) => text ?? JSON.stringify(doc, null, 2))}>
          JSON
        </button>
      </div>
      <form
        className="column"
        noValidate
        aria-label={title}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {json === undefined ? (
          <TaskDefForm doc={doc} onChange={setDoc} fixedName={!create} faults={tried ? faults : new Map()} refused={refused} />
        ) : (
          <div className="field">
            <Code value={json} onChange={type} language="json" label="Task definition as JSON" height="auto" />
            <span className="wrong" role="status">
              {notJson ?? (tried ? [...faults].map(([name, fault]) => `${name}: ${fault}`).join(" ") : "")}
            </span>
          </div>
        )}
        {whole.length > 0 && (
          <div role="alert" className="refused">
            {whole.map((text, i) => (
              <p key={i}>{text}</p>
            ))}
            {/* beside its field too, which may be far up */}
            {[...(refused ?? [])]
              .filter(([name]) => name !== "")
              .map(([name, texts]) => (
                <p key={name}>{`${name}: ${texts.join(" ")}`}</p>
              ))}
          </div>
        )}
        <div className="row">
          <button type="submit" className="button main" disabled={save.isPending}>
            {save.isPending ? "Saving …" : "Save the task definition"}
          </button>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function jsonFault(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? null : "A definition is an object: { … }.";
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}
