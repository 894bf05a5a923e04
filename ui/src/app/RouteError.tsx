import { Link, useRouteError } from "react-router";
import { links } from "../model/links";
import { ErrorState } from "../widgets/ErrorState";

/** What a view shows when it could not be drawn: never a blank page. */
export function RouteError() {
  const error = useRouteError();
  return (
    <div className="page">
      <ErrorState
        title="This view could not be drawn"
        error={error}
        action={
          <button type="button" className="button" onClick={() => location.reload()}>
            Load it again
          </button>
        }
      />
      <Link to={links.runs()}>Go to the runs</Link>
    </div>
  );
}

export function NotFound() {
  return (
    <div className="page">
      <h1>There is no such page</h1>
      <p>
        <Link to={links.runs()}>Go to the runs</Link>
      </p>
    </div>
  );
}
