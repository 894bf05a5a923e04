/** Commands and menus of operations. Each is there for whoever may use it now; the others say why not. */
import { DropdownMenu } from "radix-ui";
import { useMemo } from "react";
import { useCommands, type Command } from "../../app/commands";
import { TITLES, verbsOfRun, verbsOfTask } from "../../model/impact";
import { NOT_REACHED, runStatus, taskStatus, type Verb } from "../../model/status";
import { useOperations, type TaskTarget } from "./asked";

export interface RunTarget {
  workflowId: string;
  status: string;
}
/** A task with its status; without one it was not reached. */
export interface SelectedTask extends TaskTarget {
  status?: string | undefined;
}

const KEYS: Partial<Record<Verb, string>> = { retry: "o r", rerun: "o e", restart: "o s", pause: "o p", resume: "o u", terminate: "o t", remove: "o d" };
const TASK_TITLES: Partial<Record<Verb, (name: string) => string>> = {
  rerun: (name) => `Rerun from “${name}”`,
  retry: () => "Retry the run",
  skip: (name) => `Skip “${name}”`,
  complete: (name) => `Complete “${name}” by hand`,
};
const statusOf = (task: SelectedTask) => (task.status === undefined ? NOT_REACHED : taskStatus(task.status));

/** Offers the operations of a run, and of its selected task, as commands of the page. */
export function useRunCommands(run: RunTarget | undefined, task?: SelectedTask): void {
  const ask = useOperations();
  const { workflowId, status } = run ?? {};
  const [taskId, name, taskIs] = [task?.taskId, task?.referenceTaskName, task?.status];
  useCommands(
    useMemo<Command[]>(() => {
      if (workflowId === undefined) return [];
      const ofRun = verbsOfRun(runStatus(status)).map(({ verb, disabled }) => ({
        id: `run.${verb}`,
        title: TITLES[verb],
        group: "Operations",
        ...(KEYS[verb] ? { keys: KEYS[verb] } : {}),
        disabled,
        run: () => ask({ verb, workflowId }),
      }));
      if (name === undefined) return ofRun;
      const target = { taskId, referenceTaskName: name };
      const ofTask = verbsOfTask(runStatus(status), statusOf({ ...target, status: taskIs }))
        .filter(({ verb }) => verb !== "retry")
        .map(({ verb, disabled }) => ({
          id: `task.${verb}`,
          title: TASK_TITLES[verb]?.(name) ?? TITLES[verb],
          group: "Operations",
          disabled,
          run: () => ask({ verb, workflowId, task: target }),
        }));
      return [...ofTask, ...ofRun];
    }, [ask, workflowId, status, taskId, name, taskIs]),
  );
}

interface Entry {
  verb: Verb;
  title: string;
  disabled: string | undefined;
  task?: TaskTarget;
}

function Menu({ label, run, entries, compact }: { label: string; run: RunTarget; entries: readonly Entry[]; compact?: boolean }) {
  const ask = useOperations();
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={`button ${compact ? "quiet" : ""}`} aria-label={label}>
        {compact ? "⋯" : `${label} ▾`}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          {entries.map(({ verb, title, disabled, task }) => (
            <DropdownMenu.Item
              key={verb}
              className="menu-item"
              disabled={disabled !== undefined}
              onSelect={() => ask({ verb, workflowId: run.workflowId, task })}
            >
              <span className="grow">{title}</span>
              {disabled && <span className="soft">{disabled}</span>}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** All operations of a run; what is most likely wanted stands beside as a button. */
export function RunMenu({ run }: { run: RunTarget }) {
  const ask = useOperations();
  const verbs = verbsOfRun(runStatus(run.status));
  const likely = verbs.find(({ verb, disabled }) => disabled === undefined && (verb === "retry" || verb === "resume" || verb === "pause"));
  const inside = !runStatus(run.status).ended;
  const entries: Entry[] = [
    ...verbs.map(({ verb, disabled }) => ({ verb, title: TITLES[verb], disabled })),
    ...(["skip", "complete"] as const).map((verb) => ({ verb, title: TITLES[verb], disabled: inside ? undefined : "the run has ended" })),
  ];
  return (
    <span className="row">
      {likely && (
        <button type="button" className="button main" onClick={() => ask({ verb: likely.verb, workflowId: run.workflowId })}>
          {TITLES[likely.verb]}
        </button>
      )}
      <Menu label="Operations" run={run} entries={entries} />
    </span>
  );
}

/** What may be done with one task of a run. */
export function TaskMenu({ run, task, compact = false }: { run: RunTarget; task: SelectedTask; compact?: boolean }) {
  const target: TaskTarget = { taskId: task.taskId, referenceTaskName: task.referenceTaskName };
  const entries = verbsOfTask(runStatus(run.status), statusOf(task)).map(({ verb, disabled }) => ({
    verb,
    title: TASK_TITLES[verb]?.(task.referenceTaskName) ?? TITLES[verb],
    disabled,
    ...(verb === "retry" ? {} : { task: target }),
  }));
  return <Menu label={`Operations on ${task.referenceTaskName}`} run={run} entries={entries} compact={compact} />;
}
