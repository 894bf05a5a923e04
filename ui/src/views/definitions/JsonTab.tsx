import type { WorkflowDef } from "../../api/queries/definitions";
import { JsonView } from "../../widgets/JsonView";

/** The definition as the server keeps it. */
export function JsonTab({ definition }: { definition: WorkflowDef }) {
  const file = `${definition.name}-${definition.version ?? 1}.json`;
  const download = () => {
    const url = URL.createObjectURL(new Blob([`${JSON.stringify(definition, null, 2)}\n`], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = file;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <>
      <div className="row">
        <button type="button" className="button" onClick={download}>
          Download {file}
        </button>
      </div>
      <JsonView value={definition} label={`Definition ${definition.name}`} />
    </>
  );
}
