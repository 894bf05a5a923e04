import { useParam } from "../../app/useParam";
import { TabSet } from "../../widgets/TabSet";
import { DeadLetters } from "./DeadLetters";
import { Executions } from "./Executions";
import { Handlers } from "./Handlers";
import { ParkedEvents } from "./ParkedEvents";

const TABS = [
  { name: "handlers", title: "Handlers", view: Handlers },
  { name: "executions", title: "What they did", view: Executions },
  { name: "parked", title: "Early events", view: ParkedEvents },
  { name: "dead", title: "Refused events", view: DeadLetters },
] as const;

/** Who listens to events, what each event led to, and those that led to nothing yet. */
export default function EventsView() {
  const [tab, setTab] = useParam("tab", "handlers");
  return (
    <div className="page whole">
      <h1>Events</h1>
      <TabSet label="About events" tabs={TABS} value={tab} onChange={setTab} />
    </div>
  );
}
