import { useState } from "react";
import { Link } from "react-router";
import { useParked } from "../../api/queries/events";
import { jsonOrText } from "../../model/json";
import { links } from "../../model/links";
import { EmptyState } from "../../widgets/EmptyState";
import { JsonView } from "../../widgets/JsonView";
import { Time } from "../../widgets/Time";
import { Answered } from "../../widgets/Answered";
import { Paging } from "./Paging";

const SIZE = 100;

/** Completion events that came before the task that they complete, or after its workflow failed: kept, and taken as soon as it waits. */
export function ParkedEvents() {
  const [start, setStart] = useState(0);
  const query = useParked(start, SIZE);
  return (
    <Answered query={query} what="Early events">
      {(events) =>
        events.length === 0 ? (
          <EmptyState title="No event came too early">An event for a task that does not wait yet, or whose workflow has failed, would be kept here until the task waits.</EmptyState>
        ) : (
          <>
            <div className="listed">
              <table aria-label="Early events">
                <thead>
                  <tr>
                    <th scope="col">Came</th>
                    <th scope="col">Kept until</th>
                    <th scope="col">For</th>
                    <th scope="col">Workflow</th>
                    <th scope="col">Event</th>
                  </tr>
                </thead>
                <tbody>
                  {events.map((event) => (
                    <tr key={event.id}>
                      <td>
                        <Time at={event.parkedAt} />
                      </td>
                      <td>
                        <Time at={event.expiresAt} />
                      </td>
                      <td>
                        <code>{event.event ?? event.taskLabel ?? "any task"}</code>
                      </td>
                      <td>
                        <Link to={links.run(event.workflowId)}>
                          <code>{event.workflowId}</code>
                        </Link>
                      </td>
                      <td>
                        <details>
                          <summary>event</summary>
                          <JsonView value={jsonOrText(event.body)} label="Event" />
                        </details>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <Paging start={start} size={SIZE} shown={events.length} onStart={setStart} />
          </>
        )
      }
    </Answered>
  );
}
