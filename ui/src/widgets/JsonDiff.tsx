import { lazy, Suspense, useMemo, useState } from "react";
import { difference, type Change } from "../model/diff";
import { pretty, preview } from "../model/json";
import { Loading } from "./Loading";
import "./json.css";

const Merge = lazy(() => import("./code/Merge"));

interface Props {
  before: unknown;
  after: unknown;
  /** What each side is called, for instance "attempt 1" and "attempt 2". */
  labels: readonly [string, string];
}

const SIGN: Record<Change["kind"], string> = { added: "+", removed: "−", changed: "≠" };

/** What differs between two values, path by path; on demand the two texts side by side. */
export function JsonDiff({ before, after, labels }: Props) {
  const [mode, setMode] = useState<"changes" | "text">("changes");
  const found = useMemo(() => difference(before, after), [before, after]);
  const [left, right] = labels;
  return (
    <div className="json">
      <div className="row json-bar">
        <div role="group" aria-label="Show the difference as" className="switch">
          <button type="button" aria-pressed={mode === "changes"} onClick={() => setMode("changes")}>
            Changes
          </button>
          <button type="button" aria-pressed={mode === "text"} onClick={() => setMode("text")}>
            Side by side
          </button>
        </div>
        <span className="soft">
          {found.changes.length === 0
            ? `${left} and ${right} are equal`
            : `${found.cut ? "more than " : ""}${found.changes.length} ${found.changes.length === 1 ? "difference" : "differences"}`}
        </span>
      </div>
      {mode === "text" ? (
        <Suspense fallback={<Loading what="the texts" />}>
          <Merge before={pretty(before)} after={pretty(after)} labels={labels} />
        </Suspense>
      ) : (
        found.changes.length > 0 && (
          <div className="scrolls">
            <table className="json-changes">
              <thead>
                <tr>
                  <th scope="col">Path</th>
                  <th scope="col">{left}</th>
                  <th scope="col">{right}</th>
                </tr>
              </thead>
              <tbody>
                {found.changes.map((change) => (
                  <tr key={change.path} className={`json-${change.kind}`}>
                    <th scope="row">
                      <span aria-hidden="true">{SIGN[change.kind]} </span>
                      <span className="unseen">{change.kind} </span>
                      <code>{change.path || "the whole value"}</code>
                    </th>
                    <td>
                      <code>{change.kind === "added" ? "" : preview(change.before, 300)}</code>
                    </td>
                    <td>
                      <code>{change.kind === "removed" ? "" : preview(change.after, 300)}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )
      )}
    </div>
  );
}
