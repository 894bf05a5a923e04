import { useState } from "react";
import { useNavigate } from "react-router";
import { registerAndStart } from "../../api/queries/runs";
import { links } from "../../model/links";
import { Dialog } from "../../widgets/Dialog";
import { EmptyState } from "../../widgets/EmptyState";
import { words } from "../../widgets/ErrorState";
import { useToast } from "../../widgets/Toast";
import { SAMPLE, sampleCurl } from "./sample";

/** Nothing has ever run here: three ways to begin. */
export function FirstRun() {
  const [curl, setCurl] = useState(false);
  const [starting, setStarting] = useState(false);
  const navigate = useNavigate();
  const toast = useToast();
  const line = sampleCurl(location.origin);
  const start = () => {
    setStarting(true);
    registerAndStart(SAMPLE, { name: "Podium" })
      .then((id) => navigate(links.run(id)))
      .catch((error: unknown) => toast({ text: `The sample was not started: ${words(error)}`, bad: true }))
      .finally(() => setStarting(false));
  };
  return (
    <>
      <EmptyState
        title="Nothing has run here yet"
        action={
          <>
            <button type="button" className="button main" disabled={starting} onClick={start}>
              Start the sample workflow
            </button>
            <button type="button" className="button" onClick={() => setCurl(true)}>
              Show the curl line
            </button>
            <button type="button" className="button" onClick={() => void navigate(links.designer())}>
              Import a definition
            </button>
          </>
        }
      >
        A workflow that is started by the API, by an event or from here shows up in this list at once. The sample needs no worker.
      </EmptyState>
      <Dialog open={curl} onOpenChange={setCurl} title="Start a workflow by curl" description="Registers the sample definition and starts it." width={720}>
        <pre className="runs-curl">{line}</pre>
        <button type="button" className="button" onClick={() => void navigator.clipboard?.writeText(line).then(() => toast({ text: "Copied." }))}>
          Copy the curl line
        </button>
      </Dialog>
    </>
  );
}
