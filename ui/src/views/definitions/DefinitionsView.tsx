import { useMemo } from "react";
import { useCommands, type Command } from "../../app/commands";
import { focusFilter } from "../../widgets/Filter";
import { Schedules } from "./Schedules";
import { TaskDefs } from "./TaskDefs";
import { useParam } from "../../app/useParam";
import { TabSet } from "../../widgets/TabSet";
import { WorkflowList } from "./WorkflowList";
import "./definitions.css";

const TABS = [
  { name: "workflows", title: "Workflows", view: WorkflowList },
  { name: "tasks", title: "Task definitions", view: TaskDefs },
  { name: "schedules", title: "Schedules", view: Schedules },
] as const;

/** Everything that can be started, what its tasks promise, and what starts by the clock. */
export default function DefinitionsView() {
  const [tab, setTab] = useParam("tab", "workflows");
  useCommands(
    useMemo<Command[]>(
      () => [
        { id: "definitions.filter", title: "Filter the list", group: "Definitions", keys: "/", run: focusFilter },
        ...TABS.map((each) => ({
          id: `definitions.${each.name}`,
          title: `Show ${each.title.toLowerCase()}`,
          group: "Definitions",
          run: () => setTab(each.name),
        })),
      ],
      [setTab],
    ),
  );
  return (
    <div className="page whole">
      <h1>Definitions</h1>
      <TabSet label="Kinds of definitions" tabs={TABS} value={tab} onChange={setTab} />
    </div>
  );
}
