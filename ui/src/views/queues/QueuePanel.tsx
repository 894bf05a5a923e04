import { useState } from "react";
import { Link } from "react-router";
import { useRequeue, useWaitingTasks, WAITING_SHOWN } from "../../api/queries/queues";
import { links } from "../../model/links";
import { GONE_AFTER, waiting, type Queue } from "../../model/queues";
import { taskStatus } from "../../model/status";
import { CopyId } from "../../widgets/CopyId";
import { words } from "../../widgets/ErrorState";
import { StatusMark } from "../../widgets/StatusMark";
import { Time, useNow } from "../../widgets/Time";
import { useToast } from "../../widgets/Toast";
import { Confirm } from "../shared/Confirm";
import { Workers } from "./QueuesView";

/** One queue: who polls it, which runs wait in it, and what can be done. */
export function QueuePanel({ id, queue, onClose }: { id: string; queue: Queue | undefined; onClose: () => void }) {
  const [asking, setAsking] = useState(false);
  const taskType = queue?.taskType ?? id.slice(id.indexOf(":") + 1);
  return (
    <section className="card queue-panel" aria-label={`Queue ${id}`}>
      <div className="row">
        <h2 className="grow cut" title={id}>
          {taskType}
        </h2>
        <button type="button" className="button quiet" onClick={onClose} aria-label="Close the queue">
          ✕
        </button>
      </div>
      {queue ? (
        <>
          <dl className="queue-facts">
            {queue.domain && <Fact title="Domain">{queue.domain}</Fact>}
            <Fact title="Ready">{queue.ready}</Fact>
            <Fact title="Delayed">{queue.delayed}</Fact>
            <Fact title="With workers">{queue.leased}</Fact>
            <Fact title="Oldest waits since">
              <Time at={queue.oldest} />
            </Fact>
          </dl>
          <p>
            <Workers queue={queue} />
          </p>
          <Pollers queue={queue} />
        </>
      ) : (
        <p>Nothing waits in this queue, and nobody polls it.</p>
      )}
      <Waiting taskType={taskType} />
      <div className="row">
        <Link className="button" to={`${links.definitions("tasks")}&edit=${encodeURIComponent(taskType)}`}>
          Open its task definition
        </Link>
        <button type="button" className="button" onClick={() => setAsking(true)} disabled={!queue || waiting(queue) + queue.leased === 0}>
          Requeue its open tasks …
        </button>
      </div>
      {asking && queue && <Requeue queue={queue} onClose={() => setAsking(false)} />}
    </section>
  );
}

function Fact({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Pollers({ queue }: { queue: Queue }) {
  const now = useNow();
  if (queue.pollers.length === 0) return null;
  return (
    <div className="queue-list">
      <table aria-label="Workers that polled">
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">Last poll</th>
          </tr>
        </thead>
        <tbody>
          {queue.pollers.map((each, i) => (
            <tr key={`${each.workerId ?? ""} ${i}`}>
              <td>{each.workerId ? <CopyId id={each.workerId} what="worker's id" /> : <span className="soft">does not say who it is</span>}</td>
              <td className={now - each.lastPollTime > GONE_AFTER ? "soft" : undefined}>
                <Time at={each.lastPollTime} />
                {now - each.lastPollTime > GONE_AFTER && ", gone"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The oldest open tasks of the type, in all domains, with the runs that wait for them. */
function Waiting({ taskType }: { taskType: string }) {
  const tasks = useWaitingTasks(taskType);
  if (tasks.error && !tasks.data) return <p className="tone-warn">Which runs wait is not known: {words(tasks.error)}</p>;
  if (!tasks.data) return <p className="soft">Looking for the runs that wait …</p>;
  const { results, totalHits } = tasks.data;
  if (results.length === 0) return <p className="soft">No run waits for a task of this type.</p>;
  return (
    <div className="column">
      <h3>
        {totalHits === 1 ? "One open task" : `${totalHits} open tasks`}
        {totalHits > WAITING_SHOWN && `, the ${WAITING_SHOWN} oldest of them`}
      </h3>
      <div className="queue-list">
        <table aria-label="Runs that wait for this task">
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Task</th>
              <th scope="col">Since</th>
            </tr>
          </thead>
          <tbody>
            {results.map((task) => (
              <tr key={task.taskId}>
                <td>
                  <Link to={links.run(task.workflowId, { attempt: task.taskId })}>{task.workflowType}</Link>
                  {task.domain && <span className="soft"> in {task.domain}</span>}
                </td>
                <td>
                  <StatusMark status={taskStatus(task.status)} />
                </td>
                <td>
                  <Time at={Date.parse(task.scheduledTime)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Requeue({ queue, onClose }: { queue: Queue; onClose: () => void }) {
  const requeue = useRequeue();
  const toast = useToast();
  const submit = () =>
    requeue.mutate(queue.taskType, {
      onSuccess: (count) => {
        toast({ text: `${count} open ${count === 1 ? "task" : "tasks"} of ${queue.taskType} can be taken again.` });
        onClose();
      },
    });
  return (
    <Confirm
      title={`Requeue the open tasks of ${queue.taskType}`}
      act="Requeue the open tasks"
      keep="Leave them"
      tried={requeue}
      onConfirm={submit}
      onClose={onClose}
    >
      <p>
        Every open task of this type, in all domains, is offered to workers again: {waiting(queue)} that wait in this queue, and {queue.leased} that
        workers hold. What a worker holds may then be done twice; whoever reports first counts.
      </p>
    </Confirm>
  );
}
