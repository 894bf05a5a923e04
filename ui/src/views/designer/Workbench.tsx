import { ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { Tabs } from "radix-ui";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { useKinds } from "../../api/queries/designer";
import { useTakeUp } from "../../api/queries/retry";
import { faultsOf, type Problem } from "../../model/designer/problems";
import type { Statistics } from "../../model/news";
import { words } from "../../widgets/ErrorState";
import { useToast } from "../../widgets/Toast";
import { Canvas } from "./Canvas";
import { ConnectDialog } from "./ConnectDialog";
import { DeployPanel } from "./DeployPanel";
import { DraftBanner, OtherTabBanner } from "./DraftBanner";
import { useDraft } from "./draft";
import { isDirty, useEditor, useEditorState } from "./editor";
import { Inspector } from "./Inspector";
import { JsonTab, type Typed } from "./JsonTab";
import { marksOf } from "./marks";
import { NodeActionsContext } from "./nodes";
import { OpenDialog } from "./OpenDialog";
import { Palette } from "./Palette";
import { Problems } from "./Problems";
import { StatisticsDialog } from "./StatisticsDialog";
import { ThrowAway } from "./ThrowAway";
import { Toolbar } from "./Toolbar";
import { useDocument } from "./useDocument";
import { useEditing } from "./useEditing";
import { useRun } from "./useRun";
import { NO_NODES, useValidation } from "./useValidation";

const Upload = lazy(() => import("./Upload"));
const VersionsDialog = lazy(() => import("./VersionsDialog").then((found) => ({ default: found.VersionsDialog })));

interface Props {
  name: string;
  /** Of the draft with which it began; nothing if that was deployed. */
  draftAt: number | undefined;
}

export function Workbench(props: Props) {
  return (
    <ReactFlowProvider>
      <Bench {...props} />
    </ReactFlowProvider>
  );
}

/** What is shown, in the address, so that it survives a reload. */
function useParameter(name: string): [string, (value: string) => void] {
  const [query, setQuery] = useSearchParams();
  const set = useCallback(
    (value: string) =>
      setQuery(
        (before) => {
          const next = new URLSearchParams(before);
          if (value === "") next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace: true },
      ),
    [name, setQuery],
  );
  return [query.get(name) ?? "", set];
}

type Window = "open" | "versions" | "upload";

function Bench({ name, draftAt }: Props) {
  const editor = useEditor();
  const state = useEditorState();
  const graph = state.history.present;
  const kinds = useKinds();
  const flow = useReactFlow();
  const say = useToast();
  const { mutate: takeUpNow, isPending: retrying } = useTakeUp();
  const [tab, setTab] = useParameter("tab");
  const [side, setSide] = useParameter("side");
  const [watched, watch] = useParameter("run");
  const [window_, setWindow] = useState<Window | undefined>();
  const [connecting, setConnecting] = useState<string | undefined>();
  const [definitionText, setDefinitionText] = useState<Typed | undefined>();
  const [graphText, setGraphText] = useState<Typed | undefined>();
  const [doomed, setDoomed] = useState<{ go: () => void } | undefined>();
  const [statistics, setStatistics] = useState<Statistics | undefined>();
  const validation = useValidation(graph, kinds);
  const made = validation.conversion?.nodes ?? NO_NODES;
  const run = useRun(watched, graph, made);
  const keeping = useDraft(name, state);
  const marks = useMemo(() => marksOf(validation.problems, run), [validation.problems, run]);
  const show = useCallback((view: string) => setTab(view), [setTab]);
  const guard = useCallback(
    (go: () => void) => (isDirty(editor.get()) && editor.graph().nodes.length > 0 ? setDoomed({ go }) : go()),
    [editor],
  );
  const edit = useEditing(setConnecting);
  const document_ = useDocument({
    open: useCallback(() => setWindow("open"), []),
    versions: useCallback(() => setWindow("versions"), []),
    upload: useCallback(() => setWindow("upload"), []),
    deploy: useCallback(() => setSide("deploy"), [setSide]),
    show,
    guard,
    definition: validation.conversion?.definition,
  });
  const go = (problem: Problem) => {
    editor.select(problem.node === undefined ? [] : [problem.node]);
    setSide("");
    if (tab !== "") window.setTimeout(() => setTab(""), 0);
    // the form and the canvas are drawn first
    window.setTimeout(() => {
      if (problem.node !== undefined) void flow.fitView({ nodes: [{ id: problem.node }], maxZoom: 1, padding: 0.6, duration: 150 });
      if (problem.field === undefined) return;
      const exact = `[data-field="${CSS.escape(problem.field)}"]`;
      const inner = `[data-field$="${CSS.escape(`.${problem.field}`)}"]`;
      (document.querySelector<HTMLElement>(exact) ?? document.querySelector<HTMLElement>(inner))?.focus();
    }, 80);
  };
  const retry = useCallback(() => {
    if (!run?.offer) return;
    takeUpNow(run.offer, {
      onSuccess: () => say({ text: "The run goes on." }),
      onError: (error) => say({ text: `The run could not be taken up: ${words(error)}`, bad: true }),
    });
  }, [run?.offer, takeUpNow, say]);
  const actions = useMemo(() => ({ retry, statistics: (id: string) => setStatistics(run?.statisticsOf.get(id)) }), [retry, run]);
  const close = () => setWindow(undefined);
  return (
    <div className="designer">
      <Toolbar problems={faultsOf(validation.problems)} edit={edit} document={document_} />
      {draftAt !== undefined && <DraftBanner name={name} at={draftAt} guard={(go_) => setDoomed({ go: go_ })} />}
      <OtherTabBanner {...keeping} />
      {!keeping.works && (
        <div className="banner warn" role="alert">
          This browser keeps nothing for this page: download the graph before you leave, or it is lost.
        </div>
      )}
      <div className="designer-body">
        <Palette kinds={kinds} />
        <Tabs.Root value={tab || "drawing"} onValueChange={(next) => setTab(next === "drawing" ? "" : next)} className="designer-middle">
          <Tabs.List className="tabs" aria-label="Views of the document">
            <Tabs.Trigger value="drawing" className="tab">
              Drawing
            </Tabs.Trigger>
            <Tabs.Trigger value="definition" className="tab">
              Definition
            </Tabs.Trigger>
            <Tabs.Trigger value="graph" className="tab">
              Graph
            </Tabs.Trigger>
          </Tabs.List>
          <Tabs.Content value="drawing" className="designer-canvas" tabIndex={-1}>
            <NodeActionsContext value={actions}>
              <Canvas kinds={kinds} marks={marks} made={made} />
            </NodeActionsContext>
          </Tabs.Content>
          <Tabs.Content value="definition" className="designer-canvas">
            <JsonTab view="definition" typed={definitionText} setTyped={setDefinitionText} graph={graph} validation={validation} />
          </Tabs.Content>
          <Tabs.Content value="graph" className="designer-canvas">
            <JsonTab view="graph" typed={graphText} setTyped={setGraphText} graph={graph} validation={validation} />
          </Tabs.Content>
          <Problems validation={validation} onGo={go} />
        </Tabs.Root>
        <Tabs.Root value={side === "deploy" ? "deploy" : "properties"} onValueChange={(next) => setSide(next === "deploy" ? next : "")} asChild>
          <aside className="designer-side" aria-label="Properties and deployment">
            <Tabs.List className="tabs" aria-label="Side">
              <Tabs.Trigger value="properties" className="tab">
                Properties
              </Tabs.Trigger>
              <Tabs.Trigger value="deploy" className="tab">
                Deploy{run?.status && `: ${run.status.label}`}
              </Tabs.Trigger>
            </Tabs.List>
            <Tabs.Content value="properties" className="designer-scrolls" tabIndex={-1}>
              <Inspector kinds={kinds} problems={validation.problems} made={made} />
            </Tabs.Content>
            {/* stays while another tab is seen: a deployment goes on */}
            <Tabs.Content value="deploy" className="designer-scrolls" tabIndex={-1} forceMount hidden={side !== "deploy"}>
              <DeployPanel name={name} validation={validation} run={run} onWatch={watch} onRetry={retry} retrying={retrying} />
            </Tabs.Content>
          </aside>
        </Tabs.Root>
      </div>
      <OpenDialog open={window_ === "open"} onOpenChange={(open) => setWindow(open ? "open" : undefined)} guard={guard} />
      {connecting !== undefined && <ConnectDialog node={connecting} made={made} open onOpenChange={() => setConnecting(undefined)} />}
      {doomed && <ThrowAway name={graph.name} go={doomed.go} onClose={() => setDoomed(undefined)} />}
      {statistics && <StatisticsDialog statistics={statistics} onClose={() => setStatistics(undefined)} />}
      <Suspense>
        {window_ === "versions" && <VersionsDialog name={graph.name} drawn={validation.conversion?.definition} onClose={close} />}
        {window_ === "upload" && <Upload onOpenChange={close} />}
      </Suspense>
    </div>
  );
}
