import { useState } from "react";
import { useSaveHandler, type EventHandler } from "../../api/queries/events";
import { Code } from "../../widgets/Code";
import { Dialog } from "../../widgets/Dialog";
import { Refused } from "../shared/Refused";

/** A handler as JSON; what the server refuses is shown beside it. */
export function HandlerDialog({ handler, isNew, onClose }: { handler: EventHandler; isNew: boolean; onClose: () => void }) {
  const [text, setText] = useState(() => JSON.stringify(handler, null, 2));
  const [wrong, setWrong] = useState<string>();
  const save = useSaveHandler();
  const store = () => {
    let read: EventHandler;
    try {
      read = JSON.parse(text) as EventHandler;
    } catch (error) {
      setWrong(error instanceof Error ? error.message : "This is no JSON.");
      return;
    }
    setWrong(undefined);
    save.mutate({ handler: read, isNew: isNew || read.name !== handler.name }, { onSuccess: onClose });
  };
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title={isNew ? "Add an event handler" : `Edit ${handler.name}`} width={760}>
      <Code label="Event handler" value={text} onChange={setText} />
      {wrong && <p role="alert" className="tone-bad">{wrong}</p>}
      {save.error && <Refused error={save.error} />}
      <div className="row">
        <button type="button" className="button main" disabled={save.isPending} onClick={store}>
          {isNew ? "Add the handler" : "Save the handler"}
        </button>
        <button type="button" className="button" onClick={onClose}>
          Leave it as it is
        </button>
      </div>
    </Dialog>
  );
}
