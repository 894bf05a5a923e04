import { use, useState } from "react";
import { useLogs } from "../../../api/queries/run";
import { exact } from "../../../model/duration";
import { EmptyState } from "../../../widgets/EmptyState";
import { ErrorState } from "../../../widgets/ErrorState";
import { Loading } from "../../../widgets/Loading";
import { UtcContext } from "../../../widgets/Time";

/** Lines that are drawn at once: the latest. */
const SHOWN = 500;

/** What the worker wrote, oldest first. */
export function LogPane({ runId, taskId }: { runId: string; taskId: string }) {
  const logs = useLogs(runId, taskId);
  const utc = use(UtcContext);
  const [all, setAll] = useState(false);
  if (logs.isPending) return <Loading what="the log" />;
  if (!logs.data) return <ErrorState title="The log could not be asked for" error={logs.error} />;
  if (logs.data.length === 0) return <EmptyState title="No log">The worker has written no line for this attempt.</EmptyState>;
  const hidden = all ? 0 : Math.max(0, logs.data.length - SHOWN);
  return (
    // a text that scrolls needs the focus to be scrolled by keys
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="scrolls pane-fill" tabIndex={0} role="region" aria-label="Log of the task">
      {hidden > 0 && (
        <button type="button" className="button" onClick={() => setAll(true)}>
          Show {hidden} earlier lines
        </button>
      )}
      <ol className="pane-log">
        {logs.data.slice(hidden).map((line, at) => (
          <li key={at}>
            <time dateTime={new Date(line.createdTime).toISOString()}>{exact(line.createdTime, utc)}</time>
            <span>{readable(line.log)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Lines may come as JSON texts: `"half done"` is half done. */
function readable(line: string): string {
  if (!line.startsWith('"')) return line;
  try {
    return String(JSON.parse(line));
  } catch {
    return line;
  }
}
