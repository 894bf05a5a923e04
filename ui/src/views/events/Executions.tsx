import { useState } from "react";
import { Link } from "react-router";
import { useExecutions, type ActionOutcome, type Execution } from "../../api/queries/events";
import { jsonOrText } from "../../model/json";
import { links } from "../../model/links";
import { EmptyState } from "../../widgets/EmptyState";
import { JsonView } from "../../widgets/JsonView";
import { Time } from "../../widgets/Time";
import { useParam } from "../../app/useParam";
import { Answered } from "../../widgets/Answered";
import { Paging } from "./Paging";

const SIZE = 50;

/** Each event that a handler looked at: whether its condition held, and what each action led to. */
export function Executions() {
  const [handler, setHandler] = useParam("handler");
  const [start, setStart] = useState(0);
  const query = useExecutions(handler, start, SIZE);
  const filter = (
    <label className="row">
      Handler
      <input
        key={handler}
        type="search"
        defaultValue={handler}
        placeholder="all"
        onBlur={(event) => setHandler(event.target.value.trim())}
        onKeyDown={(event) => event.key === "Enter" && setHandler(event.currentTarget.value.trim())}
      />
    </label>
  );
  return (
    <Answered query={query} what="What handlers did" tools={filter}>
      {({ executions, total }) =>
        executions.length === 0 ? (
          <EmptyState
            title={handler ? `The handler ${handler} has looked at no event` : "No handler has looked at an event"}
            action={
              handler && (
                <button type="button" className="button" onClick={() => setHandler("")}>
                  Show all handlers
                </button>
              )
            }
          >
            An event is listed once a handler that listens to it has looked at it, even if its condition did not hold. The oldest are forgotten.
          </EmptyState>
        ) : (
          <>
            <div className="listed">
              <table aria-label="What handlers did">
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">Handler</th>
                    <th scope="col">Event</th>
                    <th scope="col">Condition</th>
                    <th scope="col">Led to</th>
                    <th scope="col">Message</th>
                  </tr>
                </thead>
                <tbody>
                  {executions.map((one) => (
                    <Row key={one.id} one={one} />
                  ))}
                </tbody>
              </table>
            </div>
            <Paging start={start} size={SIZE} shown={executions.length} total={total} onStart={setStart} />
          </>
        )
      }
    </Answered>
  );
}

function Row({ one }: { one: Execution }) {
  return (
    <tr>
      <td>
        <Time at={one.at} />
      </td>
      <td>{one.handler}</td>
      <td>
        <code>{one.event}</code>
      </td>
      <td>
        {one.condition && <code>{one.condition}</code>} <Held one={one} />
      </td>
      <td>{one.actions.length === 0 ? <span className="soft">nothing</span> : <Outcomes actions={one.actions} />}</td>
      <td>
        <details>
          <summary>{one.messageId || "message"}</summary>
          <JsonView value={jsonOrText(one.payload)} label="Message" />
        </details>
      </td>
    </tr>
  );
}

function Held({ one }: { one: Execution }) {
  if (one.error) return <span className="tone-bad">✕ has no value: {one.error}</span>;
  return one.matched ? <span className="tone-good">✓ held</span> : <span className="tone-mute">– did not hold</span>;
}

function Outcomes({ actions }: { actions: ActionOutcome[] }) {
  return (
    <ul className="listed-outcomes">
      {actions.map((action, i) => (
        <li key={i}>
          {action.action}:{" "}
          {action.error ? <span className="tone-bad">✕ {action.error}</span> : <span className="tone-good">✓ {action.status.toLowerCase()}</span>}{" "}
          {action.workflowId && <Link to={links.run(action.workflowId)}>run</Link>}
        </li>
      ))}
    </ul>
  );
}
