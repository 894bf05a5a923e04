/** Definitions of tasks. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, client, type Schemas } from "../client";
import { keys } from "../keys";

export type TaskDef = Schemas["TaskDef"];

export function useTaskDefs() {
  return useQuery({
    queryKey: keys.taskDefs,
    queryFn: ({ signal }) => answer(client.GET("/api/metadata/taskdefs", { signal })),
    staleTime: 10_000,
  });
}

/** `create` registers a new one; else the one of this name is replaced. */
export function useSaveTaskDef() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ task, create }: { task: TaskDef; create: boolean }) =>
      create ? answer(client.POST("/api/metadata/taskdefs", { body: [task] })) : answer(client.PUT("/api/metadata/taskdefs", { body: task })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.taskDefs }),
  });
}

export function useDeleteTaskDef() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => answer(client.DELETE("/api/metadata/taskdefs/{tasktype}", { params: { path: { tasktype: name } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.taskDefs }),
  });
}
