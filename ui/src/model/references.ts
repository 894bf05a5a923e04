import type { Definition, DefinitionTask } from "./run";

/** Reference names of all tasks of a definition, also inside of forks, cases and loops, in its order. */
export function references(definition: Definition): readonly string[] {
  const found: string[] = [];
  const walk = (list: readonly DefinitionTask[] | null | undefined): void => {
    for (const task of list ?? []) {
      found.push(task.taskReferenceName);
      for (const branch of task.forkTasks ?? []) walk(branch);
      for (const branch of Object.values(task.decisionCases ?? {})) walk(branch);
      walk(task.defaultCase);
      walk(task.loopOver);
    }
  };
  walk(definition.tasks);
  return [...new Set(found)];
}
