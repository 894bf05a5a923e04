import { useState } from "react";
import { Link } from "react-router";
import { useEventHandlers, useRemoveHandler, useSaveHandler, type EventHandler } from "../../api/queries/events";
import { links } from "../../model/links";
import { EmptyState } from "../../widgets/EmptyState";
import { words } from "../../widgets/ErrorState";
import { useToast } from "../../widgets/Toast";
import { Answered } from "../../widgets/Answered";
import { Confirm } from "../shared/Confirm";
import { HandlerDialog } from "./HandlerDialog";

const NEW: EventHandler = {
  name: "on_shipped",
  event: "kafka:shipments",
  condition: "$.status == 'shipped'",
  actions: [{ action: "start_workflow", start_workflow: { name: "my_workflow", input: { order: "${order}" } } }],
  active: true,
} as EventHandler;

/** Event handlers: which message they wait for, under which condition, and what they then do. */
export function Handlers() {
  const query = useEventHandlers();
  const [edited, edit] = useState<{ handler: EventHandler; isNew: boolean }>();
  const [removed, setRemoved] = useState<EventHandler>();
  const save = useSaveHandler();
  const toast = useToast();
  const add = (
    <button type="button" className="button main" onClick={() => edit({ handler: NEW, isNew: true })}>
      Add a handler
    </button>
  );
  const toggle = (handler: EventHandler) =>
    save.mutate(
      { handler: { ...handler, active: !handler.active }, isNew: false },
      { onError: (error) => toast({ text: `${handler.name} was not changed: ${words(error)}`, bad: true }) },
    );
  return (
    <>
      <Answered query={query} what="Event handlers" tools={add}>
        {(handlers) =>
          handlers.length === 0 ? (
            <EmptyState title="No event handler is registered" action={add}>
              A handler starts workflows, completes or fails tasks when a message comes.
            </EmptyState>
          ) : (
            <div className="listed">
              <table aria-label="Event handlers">
                <thead>
                  <tr>
                    <th scope="col">Handler</th>
                    <th scope="col">Event</th>
                    <th scope="col">Condition</th>
                    <th scope="col">Actions</th>
                    <th scope="col">Listens</th>
                    <th scope="col">Do</th>
                  </tr>
                </thead>
                <tbody>
                  {handlers.map((handler) => (
                    <tr key={handler.name}>
                      <th scope="row">
                        <Link to={links.events("executions", handler.name)}>{handler.name}</Link>
                      </th>
                      <td>
                        <code>{handler.event}</code>
                      </td>
                      <td>{handler.condition ? <code>{handler.condition}</code> : <span className="soft">every message</span>}</td>
                      <td>{handler.actions.map((one) => one.action ?? "nothing").join(", ")}</td>
                      <td>
                        <label className="row">
                          <input type="checkbox" checked={handler.active ?? false} disabled={save.isPending} onChange={() => toggle(handler)} />
                          {handler.active ? "active" : "inactive"}
                          <span className="unseen">: {handler.name}</span>
                        </label>
                      </td>
                      <td>
                        <button type="button" className="button quiet" onClick={() => edit({ handler, isNew: false })}>
                          Edit <span className="unseen">{handler.name}</span>
                        </button>
                        <button type="button" className="button quiet" onClick={() => setRemoved(handler)}>
                          Remove <span className="unseen">{handler.name}</span>
                        </button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answered>
      {edited && <HandlerDialog {...edited} onClose={() => edit(undefined)} />}
      {removed && <RemoveDialog handler={removed} onClose={() => setRemoved(undefined)} />}
    </>
  );
}

function RemoveDialog({ handler, onClose }: { handler: EventHandler; onClose: () => void }) {
  const remove = useRemoveHandler();
  return (
    <Confirm
      title={`Remove the handler ${handler.name}`}
      act={`Remove ${handler.name}`}
      tried={remove}
      onConfirm={() => remove.mutate(handler.name, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>
        Messages of {handler.event} will lead to nothing any more, unless another handler listens. What it has done stays.
      </p>
    </Confirm>
  );
}
