import { many } from "../../model/card";
import type { Problem } from "../../model/structure";
import "./dag.css";

/** So many are listed; after that it is the same over and over. */
const LISTED = 20;

/** What is odd about a definition, folded to one line. */
export function Problems({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <details className="dag-problems">
      <summary>{many(problems.length, "oddity", "oddities")} in the definition</summary>
      <ul>
        {problems.slice(0, LISTED).map((problem, i) => (
          <li key={i}>{problem.text}</li>
        ))}
        {problems.length > LISTED && <li>and {(problems.length - LISTED).toLocaleString("en")} more</li>}
      </ul>
    </details>
  );
}
