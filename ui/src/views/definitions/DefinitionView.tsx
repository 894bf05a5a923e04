import { Tabs } from "radix-ui";
import { useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { useCommands, type Command } from "../../app/commands";
import { ApiFailure } from "../../api/client";
import { useDefinition, useVersions, type WorkflowDef } from "../../api/queries/definitions";
import { duration } from "../../model/duration";
import { links } from "../../model/links";
import { DefinitionDiagram } from "../../widgets/DefinitionDiagram";
import { ErrorState } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { Time } from "../../widgets/Time";
import { StartDialog } from "../start/StartDialog";
import { GridTab } from "./GridTab";
import { JsonTab } from "./JsonTab";
import { TasksTab } from "./TasksTab";
import { useParam } from "../../app/useParam";
import { VersionsTab } from "./VersionsTab";
import "./definitions.css";

const TABS = [
  { name: "runs", title: "Runs" },
  { name: "diagram", title: "Diagram" },
  { name: "json", title: "JSON" },
  { name: "versions", title: "Versions" },
  { name: "tasks", title: "Tasks" },
] as const;

/** One definition: how its last runs went, what it looks like, what its tasks promise. */
export default function DefinitionView() {
  const { name = "" } = useParams();
  const [shown, setShown] = useParam("version");
  const asked = /^\d+$/.test(shown) ? Number(shown) : undefined;
  const definition = useDefinition(name, asked);
  const versions = useVersions(name);
  const [starting, setStarting] = useState(false);
  const [tab, setTab] = useParam("tab", "runs");
  const [task, setTask] = useParam("task");
  const chosen = TABS.some((each) => each.name === tab) ? tab : "runs";
  const navigate = useNavigate();
  useCommands(
    useMemo<Command[]>(
      () => [
        { id: "definition.start", title: `Start ${name}`, group: "Definition", keys: "s", run: () => setStarting(true) },
        {
          id: "definition.design",
          title: `Open ${name} in the designer`,
          group: "Definition",
          keys: "e",
          run: () => void navigate(links.designer(name, asked)),
        },
        ...TABS.map((each, i) => ({
          id: `definition.${each.name}`,
          title: `Show the ${each.title === "JSON" ? "JSON" : each.title.toLowerCase()} of the definition`,
          group: "Definition",
          keys: String(i + 1),
          run: () => setTab(each.name),
        })),
      ],
      [name, asked, navigate, setTab],
    ),
  );

  if (definition.error && !definition.data) return <Missing name={name} version={asked} error={definition.error} again={() => void definition.refetch()} />;
  if (!definition.data) {
    return (
      <div className="page">
        <h1 className="cut">{name}</h1>
        <Loading what="the definition" />
      </div>
    );
  }
  const latest = versions.data?.[0]?.version ?? definition.data.version ?? undefined;
  return (
    <div className="page whole">
      <div className="row">
        <h1 className="cut">{name}</h1>
        <label className="row">
          <span className="unseen">Version shown</span>
          <select value={asked ?? ""} onChange={(event) => setShown(event.target.value)}>
            <option value="">Version {latest} (the latest)</option>
            {versions.data?.map((each) => (
              <option key={each.version} value={each.version}>
                Version {each.version}
              </option>
            ))}
          </select>
        </label>
        <span className="grow" />
        <Link className="button" to={links.runs({ workflow: name, last: "all" })}>
          List its runs
        </Link>
        <Link className="button" to={links.designer(name, asked)}>
          Open in the designer
        </Link>
        <button type="button" className="button main" onClick={() => setStarting(true)}>
          Start a run
        </button>
      </div>
      <Facts definition={definition.data} />
      <Tabs.Root value={chosen} onValueChange={setTab} className="whole-part">
        <Tabs.List className="tabs" aria-label="Views of the definition">
          {TABS.map((each) => (
            <Tabs.Trigger key={each.name} value={each.name} className="tab">
              {each.title}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="runs" className="whole-part" tabIndex={-1}>
          <GridTab name={name} version={asked} onStart={() => setStarting(true)} />
        </Tabs.Content>
        <Tabs.Content value="diagram" className="whole-part" tabIndex={-1}>
          <DefinitionDiagram key={`${name} ${asked ?? ""}`} definition={definition.data} selected={task || undefined} onSelect={setTask} />
        </Tabs.Content>
        <Tabs.Content value="json" className="whole-part scrolls" tabIndex={-1}>
          <JsonTab definition={definition.data} />
        </Tabs.Content>
        <Tabs.Content value="versions" className="whole-part scrolls" tabIndex={-1}>
          <VersionsTab name={name} />
        </Tabs.Content>
        <Tabs.Content value="tasks" className="whole-part scrolls" tabIndex={-1}>
          <TasksTab definition={definition.data} />
        </Tabs.Content>
      </Tabs.Root>
      <StartDialog name={name} version={asked} open={starting} onOpenChange={setStarting} />
    </div>
  );
}

const POLICY: Readonly<Record<string, string>> = { TIME_OUT_WF: "then the run ends", ALERT_ONLY: "then it is only told" };

function Facts({ definition }: { definition: WorkflowDef }) {
  const timeout = definition.timeoutSeconds ?? 0;
  return (
    <div className="definition-facts">
      {definition.description && <span>{definition.description}</span>}
      {definition.ownerEmail && <span>Owner: {definition.ownerEmail}</span>}
      <span>
        Changed <Time at={definition.updateTime || definition.createTime} />
      </span>
      {timeout > 0 && (
        <span>
          Times out after {duration(timeout * 1_000)}
          {definition.timeoutPolicy ? `, ${POLICY[definition.timeoutPolicy] ?? definition.timeoutPolicy}` : ""}
        </span>
      )}
      {definition.restartable === false && <span>May not be restarted</span>}
      {definition.failureWorkflow && (
        <span>
          If it fails: <Link to={links.definition(definition.failureWorkflow)}>{definition.failureWorkflow}</Link>
        </span>
      )}
    </div>
  );
}

function Missing({ name, version, error, again }: { name: string; version: number | undefined; error: unknown; again: () => void }) {
  const absent = error instanceof ApiFailure && error.status === 404;
  const title = absent ? `There is no definition ${name}${version === undefined ? "" : ` with version ${version}`}` : "The definition could not be loaded";
  return (
    <div className="page">
      <h1 className="cut">{name}</h1>
      <ErrorState
        title={title}
        error={error}
        action={
          <>
            <button type="button" className="button" onClick={again}>
              Ask for it again
            </button>
            {version !== undefined && absent && (
              <Link className="button" to={links.definition(name)}>
                Show its latest version
              </Link>
            )}
            <Link className="button" to={links.definitions()}>
              List all definitions
            </Link>
          </>
        }
      />
    </div>
  );
}
