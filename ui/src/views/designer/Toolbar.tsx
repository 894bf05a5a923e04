import { editGraph } from "../../model/designer/operations";
import { useEditor, useGraph } from "./editor";
import type { EditCommand } from "./useEditing";

interface Props {
  problems: number;
  edit: readonly EditCommand[];
  document: readonly EditCommand[];
}

/** The head of the page: what is drawn, and everything that can be done to it. */
export function Toolbar({ problems, edit, document }: Props) {
  const editor = useEditor();
  const graph = useGraph();
  return (
    <header className="designer-bar">
      <h1 className="unseen">Designer: {graph.name}</h1>
      <input
        type="text"
        className="designer-name"
        aria-label="Name of the workflow"
        value={graph.name}
        onChange={(event) => editor.apply((present) => editGraph(present, { name: event.target.value }), "workflow name")}
      />
      <span className="soft" role="status" aria-label="Size">
        {graph.nodes.length} {graph.nodes.length === 1 ? "node" : "nodes"}, {graph.edges.length} {graph.edges.length === 1 ? "edge" : "edges"}
        {problems > 0 && `, ${problems} ${problems === 1 ? "problem" : "problems"}`}
      </span>
      <span className="grow" />
      <Tools label="Edit" commands={edit} />
      <Tools label="Document" commands={document} />
    </header>
  );
}

function Tools({ label, commands }: { label: string; commands: readonly EditCommand[] }) {
  return (
    <div role="toolbar" aria-label={label} className="row designer-tools">
      {commands
        .filter((command) => command.short !== undefined)
        .map((command) => (
          <button
            key={command.id}
            type="button"
            className={command.main ? "button main" : "button"}
            disabled={command.disabled !== undefined}
            title={`${command.title}${command.keys ? ` (${command.keys.replace("mod", "Ctrl")})` : ""}${command.disabled ? `: ${command.disabled}` : ""}`}
            aria-label={command.title}
            onClick={command.run}
          >
            {command.short}
          </button>
        ))}
    </div>
  );
}
