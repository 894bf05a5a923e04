/** Queues of tasks, their workers, and the tasks that wait. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, client } from "../client";
import { keys } from "../keys";

/** How often the queues are looked at while they are shown. */
export const LOOK_EVERY = 3_000;

export function useQueues() {
  return useQuery({
    queryKey: keys.queues,
    queryFn: ({ signal }) => answer(client.GET("/api/podium/queues", { signal })),
    refetchInterval: LOOK_EVERY,
  });
}

/** Tasks of a type that are shown, the oldest first. */
export const WAITING_SHOWN = 50;

export function useWaitingTasks(taskType: string) {
  return useQuery({
    queryKey: [...keys.queues, "tasks", taskType],
    queryFn: ({ signal }) => {
      const quoted = taskType.replace(/['\\]/g, "\\$&");
      const query = `taskDefName = '${quoted}' AND status IN (SCHEDULED, IN_PROGRESS)`;
      return answer(client.GET("/api/tasks/search", { params: { query: { query, size: WAITING_SHOWN, sort: "scheduledTime:ASC" } }, signal }));
    },
    refetchInterval: LOOK_EVERY * 2,
  });
}

/** Offers the open tasks of a type to workers again; answers how many. */
export function useRequeue() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (taskType: string) =>
      Number(await answer(client.POST("/api/tasks/queue/requeue/{taskType}", { params: { path: { taskType } }, parseAs: "text" }))),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.queues }),
  });
}
