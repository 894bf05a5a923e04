import { useState } from "react";
import {
  choosesCase,
  isFork,
  isMembers,
  nameOf,
  nodeById,
  taskOf,
  taskTypeOf,
  without,
  type Graph,
  type GraphEdge,
  type GraphNode,
  type Members,
} from "../../model/designer/document";
import { saysNothing } from "../../model/designer/definition";
import { offers as offersFor, rename } from "../../model/designer/expressions";
import { furtherMembers, withFurtherMembers, type Field } from "../../model/designer/fields";
import type { Kind } from "../../model/designer/kinds";
import { editEdge, editGraph, editNode, remove, reparent } from "../../model/designer/operations";
import type { NodeMap, Problem } from "../../model/designer/problems";
import { COMMON, COMMON_FURTHER, isKnownType, TASK_TYPES, taskType } from "../../model/designer/taskTypes";
import { WORKFLOW_FIELDS } from "../../model/designer/workflow";
import { ConnectDialog } from "./ConnectDialog";
import { useEditor, useEditorState } from "./editor";
import { Fields } from "./Field";
import { JsonInput } from "./JsonInput";
import { mustBeMembers } from "./Parameters";
import { ServiceXml } from "./ServiceXml";
import { kindLabel } from "./shown";
import { useReveal } from "./useReveal";

interface Props {
  kinds: readonly Kind[];
  problems: readonly Problem[];
  made: NodeMap;
}

/** The form of what is selected: a node, an edge, several, or the workflow itself. */
export function Inspector({ kinds, problems, made }: Props) {
  const { history, selected } = useEditorState();
  const graph = history.present;
  const nodes = graph.nodes.filter((node) => selected.includes(node.id));
  const edges = graph.edges.filter((edge) => selected.includes(edge.id));
  const [node] = nodes;
  const [edge] = edges;
  if (nodes.length === 1 && node) return <NodeForm key={node.id} graph={graph} node={node} kinds={kinds} problems={problems} made={made} />;
  if (nodes.length === 0 && edges.length === 1 && edge) return <EdgeForm key={edge.id} graph={graph} edge={edge} />;
  if (nodes.length + edges.length > 1) return <Several nodes={nodes.length} edges={edges.length} />;
  return <WorkflowForm graph={graph} />;
}

function wrongOf(problems: readonly Problem[], node: string | undefined, fields: readonly Field[]): ReadonlyMap<string, string> {
  const wrong = new Map<string, string>();
  for (const problem of problems) {
    if (problem.node !== node || problem.field === undefined) continue;
    const field = fields.find((each) => each.name === problem.field || each.name.endsWith(`.${problem.field}`));
    if (field && !wrong.has(field.name)) wrong.set(field.name, problem.message);
  }
  return wrong;
}

function NodeForm({ graph, node, kinds, problems, made }: Props & { graph: Graph; node: GraphNode }) {
  const editor = useEditor();
  const task = taskOf(node);
  const type = taskTypeOf(node);
  const described = type === undefined ? undefined : taskType(type);
  const kind = kinds.find((each) => each.type === node.type);
  const fields = described ? [...COMMON, ...described.fields] : (kind?.fields ?? []);
  const all = described ? [...fields, ...COMMON_FURTHER] : fields;
  const wrong = wrongOf(problems, node.id, all);
  const general = problems.filter((problem) => problem.node === node.id && (problem.field === undefined || !wrongHolds(wrong, problem)));
  const offers = offersFor(graph, node.id, made);
  const members = task ?? node.data;
  const write = (next: Members, field?: string) => {
    const gesture = `${node.id} ${field ?? ""}`;
    if (!task) return editor.apply((present) => editNode(present, node.id, () => next), gesture);
    const before = task["taskReferenceName"];
    const after = next["taskReferenceName"];
    editor.apply((present) => {
      const edited = editNode(present, node.id, (data) => ({ ...data, task: next }));
      return typeof before === "string" && typeof after === "string" && before !== after ? followed(edited, node.id, before, after) : edited;
    }, gesture);
  };
  const hidden = task ? ["type", ...idle(task, all)] : ["dpserviceXml", "builtFrom"];
  return (
    <form className="designer-form" aria-label={`Properties of ${nameOf(node, made)}`} onSubmit={(event) => event.preventDefault()}>
      <h2 className="cut" title={node.id}>
        {kindLabel(node, kinds)}: {nameOf(node, made)}
      </h2>
      {(described ?? kind)?.help && <p className="soft">{(described ?? kind)?.help}</p>}
      {!kind && !described && (
        <p className="designer-wrong">Nobody knows nodes of the kind “{node.type}”. What it holds stays as it is, and can be edited below.</p>
      )}
      {general.map((problem, at) => (
        <p key={at} className={problem.mild ? "soft" : "designer-wrong"}>
          {problem.message}
        </p>
      ))}
      {task && type !== undefined && <TypeChoice type={type} onChange={(next) => write({ ...task, type: next }, "type")} />}
      <Fields fields={fields} members={members} onChange={write} offers={offers} wrong={wrong} />
      {described && (
        <details>
          <summary>Failures, delay, description</summary>
          <div className="column">
            <Fields fields={COMMON_FURTHER} members={members} onChange={write} offers={offers} wrong={wrong} />
          </div>
        </details>
      )}
      {kind?.dps === true && <ServiceXml graph={graph} node={node} />}
      <Further fields={all} hidden={hidden} members={members} onChange={(next) => write(next, "further")} />
      <Links graph={graph} node={node} made={made} />
    </form>
  );
}

const wrongHolds = (wrong: ReadonlyMap<string, string>, problem: Problem): boolean => [...wrong.values()].includes(problem.message);

/** Another reference: whoever names the node follows. While it is being typed only where the old name was nobody else's. */
function followed(graph: Graph, id: string, before: string, after: string): Graph {
  const shared = graph.nodes.some((node) => node.id !== id && taskOf(node)?.["taskReferenceName"] === before);
  if (before === "" || after === "" || shared) return graph;
  const renamed = new Map([[before, after]]);
  const nodes = graph.nodes.map((node) => {
    const task = taskOf(node);
    if (!task || node.id === id) return node;
    const next = rename(task, renamed) as Members;
    return JSON.stringify(next) === JSON.stringify(task) ? node : { ...node, data: { ...node.data, task: next } };
  });
  const outputs = graph.definition?.["outputParameters"];
  const definition = outputs === undefined ? graph.definition : { ...graph.definition, outputParameters: rename(outputs, renamed) };
  return definition === undefined ? { ...graph, nodes } : { ...graph, nodes, definition };
}

/** What registered definitions carry though it says nothing stays, and is not shown. */
const idle = (task: Members, fields: readonly Field[]): string[] =>
  Object.keys(task).filter((name) => saysNothing(task[name]) && !fields.some((field) => field.name === name || field.name.startsWith(`${name}.`)));

function TypeChoice({ type, onChange }: { type: string; onChange: (type: string) => void }) {
  return (
    <div className="field">
      <label htmlFor="task-type">Type</label>
      <select id="task-type" value={type} onChange={(event) => onChange(event.target.value)}>
        {!isKnownType(type) && <option value={type}>{type}</option>}
        {TASK_TYPES.map((each) => (
          <option key={each.type} value={each.type}>
            {each.label} ({each.type})
          </option>
        ))}
      </select>
    </div>
  );
}

function Further({ fields, hidden, members, onChange }: { fields: readonly Field[]; hidden: readonly string[]; members: Members; onChange: (next: Members) => void }) {
  const further = furtherMembers(members, fields, hidden);
  const count = Object.keys(further).length;
  return (
    <details>
      <summary>Other members {count > 0 ? `(${count})` : ""}</summary>
      <div className="field">
        <JsonInput
          label="Other members as JSON"
          value={count === 0 ? undefined : further}
          check={mustBeMembers}
          onChange={(next) => onChange(withFurtherMembers(members, fields, hidden, isMembers(next) ? next : {}))}
        />
      </div>
    </details>
  );
}

/** What leads to the node and what it leads to, for those who do not drag. */
function Links({ graph, node, made }: { graph: Graph; node: GraphNode; made: NodeMap }) {
  const editor = useEditor();
  const reveal = useReveal();
  const [open, setOpen] = useState(false);
  const into = graph.edges.filter((edge) => edge.target === node.id);
  const out = graph.edges.filter((edge) => edge.source === node.id);
  const row = (edge: GraphEdge, other: string, word: string) => {
    const found = nodeById(graph, other);
    const name = found ? nameOf(found, made) : other;
    return (
      <li key={edge.id} className="row">
        <span className="soft">{word}</span>
        <button type="button" className="button quiet grow cut designer-link" onClick={() => {
            editor.select([other]);
            reveal(other);
          }}>
          {name}
        </button>
        <button type="button" className="button quiet" onClick={() => editor.select([edge.id])} aria-label={`Edit the edge ${word} ${name}`}>
          Edge
        </button>
        <button
          type="button"
          className="button quiet"
          aria-label={`Remove the edge ${word} ${name}`}
          onClick={() => editor.apply((present) => remove(present, [edge.id]))}
        >
          ✕
        </button>
      </li>
    );
  };
  return (
    <section className="column" aria-label="Edges">
      <h3>Edges</h3>
      <ul className="designer-links">
        {into.map((edge) => row(edge, edge.source, "from"))}
        {out.map((edge) => row(edge, edge.target, "to"))}
      </ul>
      <div className="row">
        <button type="button" className="button" onClick={() => setOpen(true)}>
          Connect to …
        </button>
        {node.parentId !== undefined && (
          <button type="button" className="button" onClick={() => editor.apply((present) => reparent(present, [node.id], undefined))}>
            Take it out of the loop
          </button>
        )}
      </div>
      <ConnectDialog node={node.id} made={made} open={open} onOpenChange={setOpen} />
    </section>
  );
}

function EdgeForm({ graph, edge }: { graph: Graph; edge: GraphEdge }) {
  const editor = useEditor();
  const from = nodeById(graph, edge.source);
  const to = nodeById(graph, edge.target);
  const set = (member: string, value: unknown) =>
    editor.apply(
      (present) =>
        editEdge(present, edge.id, (data) => {
          const rest = without(data, member);
          return value === undefined ? rest : { ...rest, [member]: value };
        }),
      `${edge.id} ${member}`,
    );
  return (
    <form className="designer-form" aria-label="Properties of the edge" onSubmit={(event) => event.preventDefault()}>
      <h2 className="cut">
        {from ? nameOf(from) : edge.source} → {to ? nameOf(to) : edge.target}
      </h2>
      {from && choosesCase(from) && (
        <div className="field">
          <label htmlFor="edge-case">Case</label>
          <input
            id="edge-case"
            type="text"
            value={typeof edge.data?.["case"] === "string" ? edge.data["case"] : ""}
            placeholder="default"
            onChange={(event) => set("case", event.target.value === "" ? undefined : event.target.value)}
          />
          <span className="help">Empty: where no case fits</span>
        </div>
      )}
      {from && isFork(from) && (
        <div className="field">
          <label htmlFor="edge-branch">Place among the branches</label>
          <input
            id="edge-branch"
            type="number"
            min={0}
            value={typeof edge.data?.["branch"] === "number" ? edge.data["branch"] : ""}
            onChange={(event) => set("branch", event.target.value === "" ? undefined : Number(event.target.value))}
          />
          <span className="help">From 0; without a number the upper one comes first</span>
        </div>
      )}
      <button type="button" className="button danger" onClick={() => editor.apply((present) => remove(present, [edge.id]))}>
        Remove the edge
      </button>
    </form>
  );
}

function Several({ nodes, edges }: { nodes: number; edges: number }) {
  const editor = useEditor();
  return (
    <div className="designer-form">
      <h2>
        {nodes} nodes and {edges} edges
      </h2>
      <p className="soft">They can be moved, copied and removed together.</p>
      <button type="button" className="button danger" onClick={() => editor.apply((graph) => remove(graph, editor.get().selected))}>
        Remove them
      </button>
    </div>
  );
}

const OWN = ["nodes", "edges"];

function WorkflowForm({ graph }: { graph: Graph }) {
  const editor = useEditor();
  const write = (next: Members, field?: string) =>
    editor.apply((present) => {
      const gone = Object.fromEntries(Object.keys(present).map((name) => [name, undefined]));
      const { nodes, edges } = present;
      // a name that is being typed anew is empty for a moment, and not away
      return editGraph(present, { ...gone, name: "", description: "", ownerEmail: "", ...next, nodes, edges });
    }, `workflow ${field ?? ""}`);
  return (
    <form className="designer-form" aria-label="Properties of the workflow" onSubmit={(event) => event.preventDefault()}>
      <h2>Workflow</h2>
      <Fields fields={WORKFLOW_FIELDS} members={graph} onChange={write} offers={offersFor(graph, "", {})} />
      <Further fields={WORKFLOW_FIELDS} hidden={OWN} members={graph} onChange={(next) => write(next, "further")} />
    </form>
  );
}
