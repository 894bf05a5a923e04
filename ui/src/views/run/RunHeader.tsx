import { Link } from "react-router";
import { duration } from "../../model/duration";
import { links } from "../../model/links";
import type { RunHead } from "../../model/run";
import { runStatus } from "../../model/status";
import { CopyId } from "../../widgets/CopyId";
import { StatusMark } from "../../widgets/StatusMark";
import { Time, useNow } from "../../widgets/Time";
import { RunMenu } from "../operations/menus";
import { Freshness, type Fresh } from "./Freshness";

/** Which run this is, how it stands, and what may be done with it. */
export function RunHeader({ head, fresh }: { head: RunHead; fresh: Fresh }) {
  const status = runStatus(head.status);
  return (
    <header className="run-header">
      <div className="row">
        <h1 className="run-name">{head.workflowName}</h1>
        <Link to={links.definition(head.workflowName, head.workflowVersion)} className="soft">
          version {head.workflowVersion}
        </Link>
        <StatusMark status={status} />
        <Freshness {...fresh} />
        <span className="grow" />
        <RunMenu run={head} />
      </div>
      <dl className="run-facts">
        <Fact name="Run">
          <CopyId id={head.workflowId} what="id of the run" />
        </Fact>
        <Fact name="Duration">
          <Lasted head={head} />
        </Fact>
        <Fact name="Started">
          <Time at={head.startTime} />
        </Fact>
        {status.ended && head.endTime ? (
          <Fact name="Ended">
            <Time at={head.endTime} />
          </Fact>
        ) : null}
        {head.correlationId ? (
          <Fact name="Correlation id">
            <Link to={links.runs({ correlation: head.correlationId, last: "all" })}>
              <code>{head.correlationId}</code>
            </Link>
          </Fact>
        ) : null}
        {head.parentWorkflowId ? (
          <Fact name="Started by">
            <Link to={links.run(head.parentWorkflowId, head.parentWorkflowTaskId ? { attempt: head.parentWorkflowTaskId } : {})}>
              the parent run
            </Link>
          </Fact>
        ) : null}
        {head.priority ? <Fact name="Priority">{head.priority}</Fact> : null}
      </dl>
    </header>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Ticks while the run goes on. */
function Lasted({ head }: { head: RunHead }) {
  const now = useNow();
  const end = runStatus(head.status).ended && head.endTime ? head.endTime : now;
  return <span className="run-number">{duration(end - head.startTime)}</span>;
}
