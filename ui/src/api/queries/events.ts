/** Event handlers and what becomes of events. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, client, fetchJson, type Schemas } from "../client";
import { keys } from "../keys";

export type EventHandler = Schemas["EventHandler"];

export type ActionOutcome = Schemas["EventActionRecord"];
export type Execution = Schemas["EventExecutionRecord"];
export type DeadLetter = Schemas["DeadLetterRecord"];

const EVERY = 5_000;

export function useEventHandlers() {
  return useQuery({
    queryKey: keys.events("handlers"),
    queryFn: ({ signal }) => answer<EventHandler[]>(client.GET("/api/event", { signal })),
  });
}

/** Stores a handler; a new one if there is none of its name. */
export function useSaveHandler() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ handler, isNew }: { handler: EventHandler; isNew: boolean }) =>
      answer(isNew ? client.POST("/api/event", { body: handler }) : client.PUT("/api/event", { body: handler })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.events("handlers") }),
  });
}

export function useRemoveHandler() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => fetchJson(`/api/event/${encodeURIComponent(name)}`, { method: "DELETE" }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.events("handlers") }),
  });
}

export function useExecutions(handler: string, start: number, size: number) {
  const query = { start, size, ...(handler ? { handler } : {}) };
  return useQuery({
    queryKey: keys.events("executions", handler, start, size),
    queryFn: ({ signal }) => answer<Schemas["EventExecutions"]>(client.GET("/api/podium/events/executions", { params: { query }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY,
  });
}

export function useParked(start: number, size: number) {
  return useQuery({
    queryKey: keys.events("parked", start, size),
    queryFn: ({ signal }) =>
      answer<Schemas["ParkedEventRecord"][]>(client.GET("/api/podium/events/parked", { params: { query: { start, size } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY,
  });
}

export function useDeadLetters(limit: number) {
  return useQuery({
    queryKey: keys.events("dead", limit),
    queryFn: ({ signal }) =>
      answer<Schemas["DeadLetterList"]>(client.GET("/api/podium/events/dead-letters", { params: { query: { limit } }, signal })),
  });
}

export function useReplay() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (letters: readonly { partition: number; offset: number }[]) =>
      answer<Schemas["ReplayAnswer"]>(client.POST("/api/podium/events/dead-letters/replay", { body: { letters: [...letters] } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.events() }),
  });
}
