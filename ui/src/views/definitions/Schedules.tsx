import { useMemo, useState } from "react";
import { Link } from "react-router";
import { useParam } from "../../app/useParam";
import { useNextFires, useSchedules, useScheduleVerb, type Schedule } from "../../api/queries/schedules";
import { links } from "../../model/links";
import { crons, cronText } from "../../model/schedule";
import { Age } from "../../widgets/Age";
import type { Column } from "../../widgets/DataTable";
import { EmptyState } from "../../widgets/EmptyState";
import { words } from "../../widgets/ErrorState";
import { Time } from "../../widgets/Time";
import { useToast } from "../../widgets/Toast";
import { useRested } from "../../widgets/useRested";
import { DeleteSchedule } from "./DeleteSchedule";
import { NamedList, type Values } from "./NamedList";
import { ScheduleDialog } from "./ScheduleDialog";

const VALUES: Values<Schedule> = {
  name: (row) => row.name,
  workflow: (row) => row.startWorkflowRequest.name,
  state: (row) => (row.paused ? 1 : 0),
};
const texts = (row: Schedule) => [row.name, row.startWorkflowRequest.name, row.description];

/** What is started by the clock, and when next. */
export function Schedules() {
  const schedules = useSchedules();
  const [edited, setEdited] = useParam("edit");
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<string>();
  const columns = useMemo<Column<Schedule>[]>(
    () => [
      {
        id: "name",
        title: "Name",
        width: 200,
        sorts: true,
        cell: (row) => (
          <button type="button" className="linklike" onClick={() => setEdited(row.name)} title={`Change ${row.name}`}>
            {row.name}
          </button>
        ),
      },
      {
        id: "workflow",
        title: "Starts",
        width: 200,
        sorts: true,
        cell: ({ startWorkflowRequest: request }) => (
          <Link to={links.definition(request.name, request.version ?? undefined)}>
            {request.name}
            {request.version ? `, version ${request.version}` : ""}
          </Link>
        ),
      },
      { id: "when", title: "When", width: 270, cell: (row) => <When schedule={row} /> },
      { id: "next", title: "Next", width: 130, cell: (row) => <Next schedule={row} /> },
      {
        id: "state",
        title: "State",
        width: 160,
        sorts: true,
        cell: (row) =>
          row.paused ? (
            <span className="tone-warn" title={row.pausedReason ?? ""}>
              Paused{row.pausedReason ? `: ${row.pausedReason}` : ""}
            </span>
          ) : (
            "Active"
          ),
      },
      {
        id: "actions",
        title: "Actions",
        width: 190,
        cell: (row) => (
          <>
            <PauseButton schedule={row} />
            <button type="button" className="button quiet" onClick={() => setDeleting(row.name)} aria-label={`Delete the schedule ${row.name}`}>
              Delete …
            </button>
          </>
        ),
      },
    ],
    [setEdited],
  );

  const create = (
    <button type="button" className="button main" onClick={() => setCreating(true)}>
      Schedule a workflow
    </button>
  );
  const one = schedules.data?.find((row) => row.name === edited);
  return (
    <>
      <NamedList
        all={schedules.data}
        asked={schedules}
        one="schedule"
        label="Schedules"
        texts={texts}
        placeholder="Name or workflow"
        columns={columns}
        values={VALUES}
        onOpen={(row) => setEdited(row.name)}
        empty={
          <EmptyState title="Nothing is scheduled yet" action={create}>
            A schedule starts a workflow whenever its cron expression says so.
          </EmptyState>
        }
        note={edited !== "" && !one && <span className="tone-warn">There is no schedule {edited}.</span>}
        tools={
          <>
            <Age at={schedules.dataUpdatedAt} failed={schedules.error} />
            {create}
          </>
        }
      />
      {(creating || one) && (
        <ScheduleDialog
          key={one?.name ?? ""}
          schedule={one}
          taken={(name) => (schedules.data ?? []).some((row) => row.name === name)}
          onClose={() => (one ? setEdited("") : setCreating(false))}
        />
      )}
      {deleting !== undefined && <DeleteSchedule name={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}

function When({ schedule }: { schedule: Schedule }) {
  const all = crons(schedule);
  const text = all.map(({ cron, zone }) => `${cronText(cron)}, ${zone}`).join("; ") || "never";
  return <span title={all.map(({ cron, zone }) => `${cron} (${zone})`).join("\n")}>{text}</span>;
}

/** Asked when the row has stood for a moment: a list that is scrolled asks for nothing. */
function Next({ schedule }: { schedule: Schedule }) {
  const rested = useRested(200);
  const range = { from: schedule.scheduleStartTime ?? undefined, until: schedule.scheduleEndTime ?? undefined };
  const next = useNextFires(crons(schedule), range, 1, rested && !schedule.paused);
  if (schedule.paused) return <span className="soft">not while paused</span>;
  if (next.error) {
    return (
      <span className="tone-bad" title={words(next.error)}>
        never: {words(next.error)}
      </span>
    );
  }
  if (!next.data) return <span className="soft">…</span>;
  return next.data[0] ? <Time at={next.data[0]} /> : <span className="soft">never again</span>;
}

function PauseButton({ schedule }: { schedule: Schedule }) {
  const act = useScheduleVerb();
  const toast = useToast();
  const verb = schedule.paused ? "resume" : "pause";
  const click = () =>
    act.mutate(
      { name: schedule.name, verb },
      {
        onSuccess: () =>
          toast({
            text: `The schedule ${schedule.name} is ${schedule.paused ? "active again" : "paused"}.`,
            action: {
              title: "Undo",
              run: () => act.mutate({ name: schedule.name, verb: schedule.paused ? "pause" : "resume" }),
            },
          }),
        onError: (error) => toast({ text: `The schedule ${schedule.name} could not be changed: ${words(error)}`, bad: true }),
      },
    );
  return (
    <button type="button" className="button quiet" disabled={act.isPending} onClick={click} aria-label={`${schedule.paused ? "Resume" : "Pause"} the schedule ${schedule.name}`}>
      {schedule.paused ? "Resume" : "Pause"}
    </button>
  );
}
