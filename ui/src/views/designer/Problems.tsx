import { nameOf, nodeById } from "../../model/designer/document";
import { faultsOf, type Problem } from "../../model/designer/problems";
import { useGraph } from "./editor";
import type { Validation } from "./useValidation";

/** What is wrong; a click goes to the node and its field. */
export function Problems({ validation, onGo }: { validation: Validation; onGo: (problem: Problem) => void }) {
  const graph = useGraph();
  const { problems, away, checking } = validation;
  const faults = faultsOf(problems);
  const notices = problems.length - faults;
  return (
    <section className="designer-problems" aria-label="Problems">
      <p role="status" className="row">
        <strong>{faults === 0 ? "No problems" : `${faults} ${faults === 1 ? "problem" : "problems"}`}
          {notices > 0 && `, ${notices} ${notices === 1 ? "notice" : "notices"}`}</strong>
        {away !== undefined ? (
          <span className="designer-wrong">
            {away} Only what this page knows is checked; the rest follows when it is back.
          </span>
        ) : (
          checking && <span className="soft">checking …</span>
        )}
      </p>
      {problems.length > 0 && (
        <ul>
          {problems.map((problem, at) => {
            const node = problem.node === undefined ? undefined : nodeById(graph, problem.node);
            return (
              <li key={at}>
                <button type="button" className="designer-item" onClick={() => onGo(problem)}>
                  <span className={problem.mild ? "" : "designer-wrong"}>
                    {problem.mild ? "△" : "▲"} {problem.message}
                  </span>
                  <span className="soft cut">
                    {node ? nameOf(node, validation.conversion?.nodes) : "Workflow"}
                    {problem.field ? ` · ${problem.field}` : ""}
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
