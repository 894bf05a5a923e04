import type { TaskDetail } from "../../../api/queries/run";
import { bytes } from "../../../model/duration";
import type { Overview, TaskRow } from "../../../model/run";
import { words } from "../../../widgets/ErrorState";
import { JsonView } from "../../../widgets/JsonView";
import { Facts } from "./Facts";

export interface Data {
  row: TaskRow;
  task: TaskDetail | undefined;
  error: unknown;
  /** False: it is large, and nobody has asked for it yet. */
  wanted: boolean;
  ask: () => void;
}

interface Props extends Data {
  overview: Overview;
  attempts: readonly TaskRow[];
  onSelect: (reference: string, taskId?: string) => void;
}

/** Input, task and output side by side. */
export function DataPane({ overview, attempts, onSelect, ...data }: Props) {
  const { row, task } = data;
  return (
    <div className="pane-three">
      <section aria-label="Input" className="pane-part">
        <h3>Input</h3>
        <Payload
          {...data}
          name="input"
          size={row.inputSize}
          value={task?.inputData}
          stored={task?.externalInputPayloadStoragePath}
          path={`${row.referenceTaskName}.input`}
        />
      </section>
      <section aria-label="Task" className="pane-part pane-facts">
        <h3>Task</h3>
        <Facts overview={overview} row={row} attempts={attempts} task={task} onSelect={onSelect} />
      </section>
      <section aria-label="Output" className="pane-part">
        <h3>Output</h3>
        <Payload
          {...data}
          name="output"
          size={row.outputSize}
          value={task?.outputData}
          stored={task?.externalOutputPayloadStoragePath}
          path={`${row.referenceTaskName}.output`}
        />
      </section>
    </div>
  );
}

interface PayloadProps extends Data {
  name: "input" | "output";
  size: number;
  value: unknown;
  /** It lies outside of the database. */
  stored: string | null | undefined;
  path: string;
}

function Payload({ row, task, error, wanted, ask, name, size, value, stored, path }: PayloadProps) {
  if (!wanted) {
    return (
      <p className="column pane-ask">
        <span className="soft">
          The {name} has {bytes(size)}.
        </span>
        <button type="button" className="button" onClick={ask}>
          Show input and output ({bytes(row.inputSize + row.outputSize)})
        </button>
      </p>
    );
  }
  if (task === undefined) return error ? <p role="alert">{words(error)}</p> : <p className="soft">On its way …</p>;
  return (
    <>
      {stored && (
        <p className="soft cut" title={stored}>
          Kept outside of the database: <code>{stored}</code>
        </p>
      )}
      {task.absent[name] !== undefined && <p role="alert">It could not be fetched from there: {task.absent[name]}</p>}
      <JsonView value={value} label={`${name} of ${row.referenceTaskName}`} path={path} size={size} />
    </>
  );
}
