import { bytes } from "../../../model/duration";
import { preview } from "../../../model/json";
import type { Overview } from "../../../model/run";
import { beside, definitionOf, templateParts, type Given } from "../../../model/template";
import { EmptyState } from "../../../widgets/EmptyState";
import { words } from "../../../widgets/ErrorState";
import type { Data } from "./DataPane";
import { meant } from "./which";

interface Props extends Data {
  overview: Overview;
  onSelect: (reference: string) => void;
}

/** What the definition wanted to give the task, beside what it was given. */
export function TemplatePane({ overview, row, task, error, wanted, ask, onSelect }: Props) {
  const defined = task?.workflowTask?.inputParameters ?? definitionOf(overview.definition, row.referenceTaskName)?.inputParameters;
  const { given, extra } = beside(defined ?? {}, task?.inputData);
  if (!wanted) {
    return (
      <p className="column pane-ask">
        <button type="button" className="button" onClick={ask}>
          Show the input ({bytes(row.inputSize + row.outputSize)} with the output)
        </button>
      </p>
    );
  }
  if (task === undefined) return <p className="pane-ask">{error ? words(error) : "On its way …"}</p>;
  if (given.length === 0 && extra.length === 0) return <EmptyState title="No input">The definition gives this task nothing.</EmptyState>;
  const expression = (reference: string) => meant(overview, row, reference);
  return (
    <div className="scrolls pane-fill">
      <table>
        <caption className="unseen">Templates of the input and what they became</caption>
        <thead>
          <tr>
            <th scope="col">Input</th>
            <th scope="col">Template</th>
            <th scope="col">Became</th>
          </tr>
        </thead>
        <tbody>
          {given.map((each) => (
            <tr key={each.path}>
              <th scope="row">
                <code>{each.path.replace(/^\./, "")}</code>
              </th>
              <td>
                <Template given={each} task={expression} onSelect={onSelect} />
              </td>
              <td>{each.absent ? <span className="tone-warn">nothing</span> : <code>{preview(each.resolved, 400)}</code>}</td>
            </tr>
          ))}
          {extra.map((each) => (
            <tr key={each.path}>
              <th scope="row">
                <code>{each.path.replace(/^\./, "")}</code>
              </th>
              <td className="soft">not from the definition</td>
              <td>
                <code>{preview(each.resolved, 400)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Names of tasks in expressions lead to them. */
function Template({ given, task, onSelect }: { given: Given; task: (reference: string) => string | undefined; onSelect: Props["onSelect"] }) {
  if (typeof given.template !== "string") return <code>{preview(given.template, 400)}</code>;
  return (
    <code>
      {templateParts(given.template).map((part, at) => {
        const to = part.reference === undefined ? undefined : task(part.reference);
        return to === undefined ? (
          <span key={at} className={part.expression === undefined ? "" : "pane-expression"}>
            {part.text}
          </span>
        ) : (
          <button key={at} type="button" className="link" title={`Select ${to}`} onClick={() => onSelect(to)}>
            {part.text}
          </button>
        );
      })}
    </code>
  );
}
