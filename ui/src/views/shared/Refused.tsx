import { ApiFailure } from "../../api/client";
import { words } from "../../widgets/ErrorState";
import "./shared.css";

/** The server's own words, with every rule that was broken. */
export function Refused({ error }: { error: unknown }) {
  const violations = error instanceof ApiFailure ? error.violations : [];
  return (
    <div role="alert" className="refused">
      <p>{words(error)}</p>
      {violations.length > 0 && (
        <ul>
          {violations.map((each, i) => (
            <li key={i}>
              {each.path && <code>{each.path}</code>} {each.message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
