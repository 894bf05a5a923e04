import { useMemo } from "react";
import { useCommands } from "../../app/commands";
import { emptyGraph } from "../../model/designer/document";
import { saveText } from "./save";
import { useEditor, useGraph } from "./editor";
import type { EditCommand } from "./useEditing";

export interface DocumentActions {
  open: () => void;
  versions: () => void;
  upload: () => void;
  deploy: () => void;
  show: (view: "" | "definition" | "graph") => void;
  /** Asks before a draft is thrown away. */
  guard: (go: () => void) => void;
  /** The definition that the drawing becomes, if it does. */
  definition: unknown;
}

/** The commands of the whole document, offered to palette, keys and toolbar alike. */
export function useDocument({ open, versions, upload, deploy, show, guard, definition }: DocumentActions): EditCommand[] {
  const editor = useEditor();
  const { name, nodes } = useGraph();
  const empty = nodes.length === 0;
  const commands = useMemo<EditCommand[]>(() => {
    const group = "Designer";
    return [
      { id: "designer.open", title: "Open or import a workflow", short: "Open", group, keys: "mod+o", run: open },
      { id: "designer.versions", title: "Show the versions", short: "Versions", group, run: versions },
      {
        id: "designer.download",
        title: `Download ${name}.json`,
        short: "Download",
        group,
        run: () => saveText(`${name}.json`, JSON.stringify(editor.graph(), null, 2)),
      },
      {
        id: "designer.download.definition",
        title: `Download the definition of ${name}`,
        group,
        disabled: definition === undefined ? "it is none yet" : undefined,
        run: () => saveText(`${name}.definition.json`, JSON.stringify(definition, null, 2)),
      },
      { id: "designer.upload", title: "Upload files to a store", short: "Upload", group, run: upload },
      {
        id: "designer.clear",
        title: "Clear the drawing",
        short: "Clear",
        group,
        disabled: empty ? "nothing is drawn" : undefined,
        run: () => guard(() => editor.apply((graph) => ({ ...emptyGraph(), name: graph.name, ownerEmail: graph.ownerEmail }))),
      },
      { id: "designer.show.drawing", title: "Show the drawing", group, keys: "1", run: () => show("") },
      { id: "designer.show.definition", title: "View the definition as JSON", group, keys: "2", run: () => show("definition") },
      { id: "designer.show.graph", title: "View the graph as JSON", group, keys: "3", run: () => show("graph") },
      { id: "designer.deploy", title: "Deploy the workflow", short: "Deploy", group, keys: "mod+Enter", main: true, run: deploy },
    ];
  }, [editor, name, empty, open, versions, upload, deploy, show, guard, definition]);
  useCommands(commands);
  return commands;
}
