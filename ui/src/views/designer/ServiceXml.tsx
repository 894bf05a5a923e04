import { useState } from "react";
import { serviceXml } from "../../api/queries/designer";
import { ApiFailure } from "../../api/client";
import { without, type Graph, type GraphNode } from "../../model/designer/document";
import { editNode } from "../../model/designer/operations";
import { bytes } from "../../model/duration";
import { words } from "../../widgets/ErrorState";
import { useEditor } from "./editor";

/** The configuration that a data-processing node hands to its job: written on Save, as documented; without it ingestion skips the node. */
export function ServiceXml({ graph, node }: { graph: Graph; node: GraphNode }) {
  const editor = useEditor();
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<readonly string[]>([]);
  const { dpserviceXml, builtFrom } = node.data;
  const xml = typeof dpserviceXml === "string" ? dpserviceXml : "";
  const fields = without(without(node.data, "dpserviceXml"), "builtFrom");
  const now = JSON.stringify(fields);
  const old = xml !== "" && typeof builtFrom === "string" && builtFrom !== now;
  const save = async () => {
    setBusy(true);
    setWrong([]);
    try {
      const answer = await serviceXml(node.type, fields, graph.name);
      editor.apply((present) => editNode(present, node.id, (data) => ({ ...data, dpserviceXml: answer.xml, builtFrom: now })));
    } catch (error) {
      const said = error instanceof ApiFailure ? error.violations.map((violation) => violation.message) : [];
      setWrong(said.length > 0 ? said : [words(error)]);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="column" aria-label="Service XML">
      <div className="row">
        <button type="button" className="button main" onClick={() => void save()} disabled={busy}>
          Save the service XML
        </button>
        <span className="soft" role="status">
          {busy ? "Building …" : xml === "" ? "Not saved yet" : old ? "The form was changed since" : `Saved, ${bytes(xml.length)}`}
        </span>
      </div>
      {wrong.map((text) => (
        <p key={text} role="alert" className="designer-wrong">
          {text}
        </p>
      ))}
      {xml !== "" && (
        <details>
          <summary>Service XML</summary>
          <pre className="designer-xml">{xml}</pre>
        </details>
      )}
    </section>
  );
}
