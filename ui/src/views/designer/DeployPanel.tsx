import { useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import { keys } from "../../api/keys";
import { deploy, registerDefinition, useDeploymentStep, type Deployed } from "../../api/queries/designer";
import { hasPipelineNodes, inputUriOf } from "../../model/designer/deploy";
import { sameWork, type Graph } from "../../model/designer/document";
import { faultsOf } from "../../model/designer/problems";
import { links } from "../../model/links";
import { CopyId } from "../../widgets/CopyId";
import { words } from "../../widgets/ErrorState";
import { useToast } from "../../widgets/Toast";
import { isDirty, useEditor, useEditorState } from "./editor";
import { RunCard } from "./RunCard";
import { Steps, type Step } from "./Steps";
import type { WatchedRun } from "./useRun";
import type { Validation } from "./useValidation";

const StartDialog = lazy(() => import("../start/StartDialog").then((found) => ({ default: found.StartDialog })));
const Upload = lazy(() => import("./Upload"));

interface Props {
  /** Of the registered definition that was opened; empty for a new one. */
  name: string;
  validation: Validation;
  run: WatchedRun | undefined;
  onWatch: (workflowId: string) => void;
  onRetry: () => void;
  retrying: boolean;
}

/** The steps of the service, as it calls them. */
const SERVICE_STEPS: Readonly<Record<string, string>> = {
  accepted: "Request noted, files are made",
  filed: "Files made, definition is registered",
  registering: "Definition is registered",
  starting: "Registered, workflow is started",
  done: "Done",
};

/** Deploys what is drawn through the ingestion service, or registers it only, and watches its run. */
export function DeployPanel({ name, validation, run, onWatch, onRetry, retrying }: Props) {
  const editor = useEditor();
  const state = useEditorState();
  const graph = state.history.present;
  const queries = useQueryClient();
  const say = useToast();
  const typed = useState<string | undefined>();
  const [inputUri, setInputUri] = typed;
  const [starting, setStarting] = useState(false);
  const [uploading, setUploading] = useState(false);
  const [begun, setBegun] = useState(0);
  // a deployment whose answer was lost is asked for with its key again; what was changed since is another one
  const last = useRef<{ body: string; key: string; failed: boolean } | undefined>(undefined);
  const suggested = inputUriOf(graph);
  const uri = inputUri ?? suggested;
  const pipeline = hasPipelineNodes(graph);

  const sending = useMutation({
    mutationFn: async (start: boolean) => {
      const body = JSON.stringify([graph, uri ?? null, start]);
      const again = last.current?.failed && last.current.body === body;
      const key = again && last.current ? last.current.key : newKey();
      last.current = { body, key, failed: false };
      setBegun(Date.now());
      return { graph, answer: await deploy({ graph, inputUri: uri === "" ? undefined : uri, start, key }) };
    },
    onSuccess: ({ graph: sent, answer }) => {
      editor.kept(sent);
      void queries.invalidateQueries({ queryKey: keys.definitions });
      void queries.invalidateQueries({ queryKey: keys.runs });
      if (answer.workflow_instance_id) onWatch(answer.workflow_instance_id);
    },
    onError: () => {
      if (last.current) last.current = { ...last.current, failed: true };
    },
  });
  const registering = useMutation({
    mutationFn: async () => {
      if (!validation.conversion) throw new Error("The graph has not become a definition yet.");
      // as when it is deployed: without a version of its own it is a new one, and takes no other's place
      const version = graph.version ?? Math.floor(Date.now() / 1_000);
      const definition = { ...validation.conversion.definition, version };
      await registerDefinition(definition);
      return { graph, definition };
    },
    onSuccess: ({ graph: sent, definition }) => {
      editor.kept(sent);
      void queries.invalidateQueries({ queryKey: keys.definitions });
      say({ text: `${definition.name} is registered as version ${definition.version}.` });
    },
  });
  const step = useDeploymentStep(graph.name, begun, sending.isPending);
  const faults = faultsOf(validation.problems);
  const why = faults > 0 ? `${faults} ${faults === 1 ? "problem stands" : "problems stand"} in the way` : undefined;
  const refused = sending.error ?? registering.error;
  const known = registering.isSuccess || sending.isSuccess || name === graph.name;
  const startable = useMemo(() => known && !isDirty(state), [known, state]);
  // of a definition that was only opened the dialog offers the versions
  const version = registering.data?.definition.version ?? sending.data?.answer.workflow_version;

  return (
    <section className="designer-form" aria-label="Deploy">
      <h2>Deploy {graph.name}</h2>
      {pipeline && (
        <div className="field">
          <label htmlFor="deploy-input">Data of the run</label>
          <div className="row">
            <input
              id="deploy-input"
              type="text"
              className="grow mono"
              value={uri ?? ""}
              placeholder="The usual one"
              onChange={(event) => setInputUri(event.target.value)}
            />
            <button type="button" className="button" onClick={() => setUploading(true)}>
              Upload a file
            </button>
          </div>
          <span className="help">Is copied to the folder of the run</span>
        </div>
      )}
      <div className="row">
        <button type="button" className="button main" disabled={faults > 0 || sending.isPending} title={why} onClick={() => sending.mutate(true)}>
          {run && pipeline ? "Deploy it anew" : "Deploy and start"}
        </button>
        <button
          type="button"
          className="button"
          disabled={faults > 0 || registering.isPending || !validation.isCurrent}
          title={why ?? "Only stores the definition; nothing is started"}
          onClick={() => registering.mutate()}
        >
          Register only
        </button>
        {!pipeline && (
          <button type="button" className="button" disabled={!startable} title={startable ? undefined : "Register or deploy it first"} onClick={() => setStarting(true)}>
            Start {graph.name} …
          </button>
        )}
      </div>
      {why && <p className="soft">{why}.</p>}
      <Steps steps={stepsOf(validation, sending, step.data?.step, refused)} />
      {refused && (
        <p role="alert" className="designer-wrong">
          {words(refused).replace(/[.\s]*$/, ".")}
          {sending.error && " The same deployment goes on where it stopped when it is asked for again."}
        </p>
      )}
      {sending.data && <Result answer={sending.data.answer} changed={!sameWork(sending.data.graph, graph)} />}
      {run && <RunCard run={run} onRetry={onRetry} retrying={retrying} onRerun={() => sending.mutate(true)} busy={sending.isPending || faults > 0} />}
      {starting && (
        <Suspense>
          <StartDialog name={graph.name} version={version} open={starting} onOpenChange={setStarting} />
        </Suspense>
      )}
      {uploading && (
        <Suspense>
          <Upload onOpenChange={setUploading} onChosen={setInputUri} />
        </Suspense>
      )}
    </section>
  );
}

function newKey(): string {
  // only secure pages have randomUUID
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `designer-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

interface Sending {
  isPending: boolean;
  isSuccess: boolean;
  error: unknown;
  data?: { graph: Graph; answer: Deployed } | undefined;
}

function stepsOf(validation: Validation, sending: Sending, step: string | undefined, refused: unknown): Step[] {
  if (!sending.isPending && !sending.isSuccess && !sending.error) return [];
  const failed = refused !== null && refused !== undefined;
  return [
    { title: "Checked", state: faultsOf(validation.problems) > 0 ? "bad" : "good" },
    {
      title: "Sent to the ingestion service",
      state: sending.isPending ? "run" : failed ? "bad" : "good",
      ...(sending.isPending && step ? { note: SERVICE_STEPS[step] ?? step } : {}),
    },
    { title: "Registered", state: sending.isSuccess ? "good" : "wait" },
    { title: "Started", state: sending.isSuccess ? (sending.data?.answer.workflow_instance_id ? "good" : "mute") : "wait" },
  ];
}

function Result({ answer, changed }: { answer: Deployed; changed: boolean }) {
  const files = [
    ["Input", answer.s3_input_uri],
    ["Output", answer.s3_output_uri],
    ["Report", answer.s3_report_uri],
  ].filter((each): each is [string, string] => typeof each[1] === "string");
  return (
    <div className="card column">
      <p role="status">
        {answer.message} {changed && <span className="soft">The drawing was changed since.</span>}
      </p>
      <dl className="designer-facts">
        <dt>Definition</dt>
        <dd>
          <Link to={links.definition(answer.workflow_name, answer.workflow_version)}>
            {answer.workflow_name} version {answer.workflow_version}
          </Link>
        </dd>
        {answer.workflow_instance_id && (
          <>
            <dt>Run</dt>
            <dd>
              <Link to={links.run(answer.workflow_instance_id)}>Open the run</Link>{" "}
              <CopyId id={answer.workflow_instance_id} shown={`${answer.workflow_instance_id.slice(0, 13)}…`} what="id of the run" />
            </dd>
          </>
        )}
        {files.map(([title, uri]) => (
          <FileRow key={title} title={title} uri={uri} />
        ))}
      </dl>
      {(answer.services?.length ?? 0) > 1 && (
        <details>
          <summary>Files of {answer.services?.length} services</summary>
          <pre>{JSON.stringify(answer.services, null, 2)}</pre>
        </details>
      )}
    </div>
  );
}

function FileRow({ title, uri }: { title: string; uri: string }) {
  return (
    <>
      <dt>{title}</dt>
      <dd>
        <code>{uri}</code>
      </dd>
    </>
  );
}
