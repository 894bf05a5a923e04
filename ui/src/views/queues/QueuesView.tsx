import { useDeferredValue, useMemo, useState } from "react";
import { Link } from "react-router";
import { useCommands, type Command } from "../../app/commands";
import { useQueues } from "../../api/queries/queues";
import { counted, sorted } from "../../model/definitions";
import { growth, growthText, inSet, lastPoll, queueFound, queueId, unpolled, waiting, workersText, type Look, type Queue, type QueueSet } from "../../model/queues";
import { links } from "../../model/links";
import { Age } from "../../widgets/Age";
import { DataTable, type Column, type TableSort } from "../../widgets/DataTable";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState } from "../../widgets/ErrorState";
import { Filter, focusFilter } from "../../widgets/Filter";
import { Loading } from "../../widgets/Loading";
import { Time, useNow } from "../../widgets/Time";
import { useParam } from "../../app/useParam";
import { QueuePanel } from "./QueuePanel";
import "./queues.css";

const SETS: readonly { name: QueueSet; title: string }[] = [
  { name: "all", title: "All" },
  { name: "tasks", title: "With tasks" },
  { name: "unpolled", title: "Nobody polls" },
];
const FAR = Number.MAX_SAFE_INTEGER;
const VALUES: Readonly<Record<string, (queue: Queue) => string | number>> = {
  type: (queue) => queue.taskType,
  domain: (queue) => queue.domain ?? "",
  ready: (queue) => queue.ready,
  delayed: (queue) => queue.delayed,
  leased: (queue) => queue.leased,
  oldest: (queue) => queue.oldest ?? FAR,
  workers: lastPoll,
};
const nothing: readonly Queue[] = [];

/** What waits for workers, and who polls for it. */
export default function QueuesView() {
  const queues = useQueues();
  const now = useNow();
  const [filter, setFilter] = useParam("filter");
  const [shown, setShown] = useParam("show", "all");
  const [selected, setSelected] = useParam("queue");
  const [sort, setSort] = useState<TableSort>({ column: "type", descending: false });
  const wanted = useDeferredValue(filter);
  const set: QueueSet = SETS.find((each) => each.name === shown)?.name ?? "all";
  const all = queues.data?.queues ?? nothing;
  const rates = useGrowth(queues.dataUpdatedAt, all);
  // which queue is neglected changes with the looks, not with every second
  const at = queues.dataUpdatedAt;
  const matching = useMemo(() => all.filter((queue) => queueFound(queue, wanted)), [all, wanted]);
  const rows = useMemo(
    () => sorted(matching.filter((queue) => inSet(queue, set, at)), VALUES[sort.column] ?? queueId, sort.descending),
    [matching, set, sort, at],
  );
  useCommands(
    useMemo<Command[]>(
      () => [
        { id: "queues.filter", title: "Filter the queues", group: "Queues", keys: "/", run: focusFilter },
        ...SETS.map((each) => ({ id: `queues.${each.name}`, title: `Show queues: ${each.title.toLowerCase()}`, group: "Queues", run: () => setShown(each.name) })),
        { id: "queues.close", title: "Close the queue", group: "Queues", keys: "Escape", disabled: selected ? undefined : "No queue is open", run: () => setSelected("") },
      ],
      [selected, setSelected, setShown],
    ),
  );
  const columns = useMemo<Column<Queue>[]>(
    () => [
      {
        id: "type",
        title: "Task type",
        width: 210,
        sorts: true,
        cell: (queue) => (
          <button type="button" className="linklike" onClick={() => setSelected(queueId(queue))} title={`Open the queue ${queueId(queue)}`}>
            {queue.taskType}
          </button>
        ),
      },
      { id: "domain", title: "Domain", width: 90, sorts: true, cell: (queue) => queue.domain ?? <span className="soft">none</span> },
      { id: "workers", title: "Workers", width: 270, sorts: true, cell: (queue) => <Workers queue={queue} /> },
      { id: "ready", title: "Ready", width: 80, numeric: true, sorts: true, cell: (queue) => queue.ready },
      { id: "delayed", title: "Delayed", width: 90, numeric: true, sorts: true, cell: (queue) => queue.delayed },
      { id: "leased", title: "With workers", width: 110, numeric: true, sorts: true, cell: (queue) => queue.leased },
      { id: "growth", title: "Growth", width: 90, numeric: true, cell: (queue) => growthText(rates.get(queueId(queue))) },
      { id: "oldest", title: "Oldest waits since", width: 140, sorts: true, cell: (queue) => <Time at={queue.oldest} /> },
    ],
    [rates, setSelected],
  );

  if (queues.isPending) {
    return (
      <div className="page">
        <h1>Queues</h1>
        <Loading what="the queues" />
      </div>
    );
  }
  if (queues.error && !queues.data) {
    const again = (
      <button type="button" className="button" onClick={() => void queues.refetch()}>
        Ask for them again
      </button>
    );
    return (
      <div className="page">
        <h1>Queues</h1>
        <ErrorState title="The queues could not be loaded" error={queues.error} action={again} />
      </div>
    );
  }
  if (all.length === 0 && selected === "") {
    return (
      <div className="page">
        <h1>Queues</h1>
        <EmptyState
          title="No task waits and nobody polls"
          action={
            <Link className="button" to={links.definitions()}>
              Start a workflow
            </Link>
          }
        >
          A queue appears when a task waits for a worker, or when a worker polls for it.
        </EmptyState>
      </div>
    );
  }
  const open = all.find((queue) => queueId(queue) === selected);
  return (
    <div className="page whole">
      <h1>Queues</h1>
      <div className="row">
        <Filter
          value={filter}
          onChange={setFilter}
          label="Filter queues"
          placeholder="Task type, domain or worker"
          count={counted(rows.length, all.length, "queue")}
        />
        <div role="group" aria-label="Which queues" className="row queues-sets">
          {SETS.map((each) => (
            <button key={each.name} type="button" className="button" aria-pressed={set === each.name} onClick={() => setShown(each.name)}>
              {each.title} <span className="soft">{matching.filter((queue) => inSet(queue, each.name, now)).length.toLocaleString("en-US")}</span>
            </button>
          ))}
        </div>
        <span className="grow" />
        <Age at={queues.dataUpdatedAt} failed={queues.error} />
      </div>
      {queues.data.truncated && <p className="tone-warn">Tasks wait in more queues than these: 2,000 of them are shown, and a filter looks at those only.</p>}
      {queues.data.leasedIncomplete && <p className="soft">So much is with workers that its number may be too small.</p>}
      <div className="queues-both">
        <DataTable
          rows={rows}
          columns={columns}
          rowId={queueId}
          onOpen={(queue) => setSelected(queueId(queue))}
          sort={sort}
          onSort={setSort}
          label="Queues"
          empty={
            <EmptyState
              title={set === "unpolled" && filter === "" ? "Every queue with tasks has a worker" : "No queue is like that"}
              action={
                <button
                  type="button"
                  className="button"
                  onClick={() => {
                    setFilter("");
                    setShown("all");
                  }}
                >
                  Show all queues
                </button>
              }
            />
          }
        />
        {selected !== "" && <QueuePanel key={selected} id={selected} queue={open} onClose={() => setSelected("")} />}
      </div>
    </div>
  );
}

/** The growth since the look before; kept when a look brought the same again. */
function useGrowth(at: number, queues: readonly Queue[]): ReadonlyMap<string, number> {
  const [looks, setLooks] = useState<{ before: Look | undefined; now: Look }>({ before: undefined, now: { at, queues } });
  if (looks.now.at !== at) setLooks({ before: looks.now.at > 0 ? looks.now : undefined, now: { at, queues } });
  return useMemo(() => growth(looks.before, looks.now), [looks]);
}

export function Workers({ queue }: { queue: Queue }) {
  const now = useNow();
  const text = workersText(queue, now);
  if (unpolled(queue, now)) return <strong className="tone-bad" title={`${waiting(queue)} tasks wait`}>⚠ {text}</strong>;
  return <span className={queue.pollers.length === 0 ? "soft" : undefined}>{text}</span>;
}
