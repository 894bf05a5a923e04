import { Link } from "react-router";
import { useDeployments } from "../../api/queries/pipeline";
import { links } from "../../model/links";
import { Answered } from "../../widgets/Answered";
import { EmptyState } from "../../widgets/EmptyState";
import { Time } from "../../widgets/Time";

const SHAPES: Record<string, string> = { done: "✓ done", running: "◉ running", unfinished: "✕ unfinished" };

/** What was deployed, and how far each deployment came. */
export function Deployments() {
  const query = useDeployments();
  return (
    <Answered query={query} what="Deployments">
      {(deployments) =>
        deployments.length === 0 ? (
          <EmptyState title="Nothing has been deployed" action={<Link to={links.designer()}>Draw a pipeline</Link>} />
        ) : (
          <div className="listed">
            <table aria-label="Deployments">
              <thead>
                <tr>
                  <th scope="col">State</th>
                  <th scope="col">Workflow</th>
                  <th scope="col">Came to</th>
                  <th scope="col">Changed</th>
                  <th scope="col">Run</th>
                  <th scope="col">Trouble</th>
                </tr>
              </thead>
              <tbody>
                {deployments.map((one) => (
                  <tr key={one.deployment_id}>
                    <td>{SHAPES[one.state] ?? one.state}</td>
                    <td>
                      <Link to={links.definition(one.workflow_name, one.workflow_version)}>
                        {one.workflow_name} {one.workflow_version}
                      </Link>
                    </td>
                    <td>{one.step}</td>
                    <td>
                      <Time at={one.updated_at_ms} />
                    </td>
                    <td>
                      {one.workflow_instance_id ? (
                        <Link to={links.run(one.workflow_instance_id)}>
                          <code>{one.workflow_instance_id}</code>
                        </Link>
                      ) : (
                        <span className="soft">none yet</span>
                      )}
                    </td>
                    <td>{one.error ? <span className="tone-bad">{one.error}</span> : <span className="soft">none</span>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )
      }
    </Answered>
  );
}
