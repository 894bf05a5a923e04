/** What changes comes from the node by server-sent events; what is shown is asked for again. Nothing is taken from an event but the news. */
import { useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useCallback, useEffect, useSyncExternalStore } from "react";

export type LiveState = "connecting" | "live" | "polling";

/** How often what is shown is asked for while no stream stands. */
export const POLL_EVERY = 3_000;
/** Without a sign of life for this long the stream counts as broken (the server sends one every 10 s). */
const SILENCE = 25_000;
/** The least time between two refetches that a stream asks for. */
const PAUSE = 250;

/** One stream with its state; the browser connects again by itself, and the first event then tells the present version. */
class Stream {
  state: LiveState = "connecting";
  private readonly listeners = new Set<() => void>();
  private source: EventSource | undefined;
  private silence: number | undefined;
  private retry: number | undefined;

  constructor(
    private readonly url: string,
    private readonly events: readonly string[],
    private readonly heard: (event: string, data: string) => void,
  ) {}

  open(): void {
    if (document.hidden) return;
    this.source = new EventSource(this.url);
    this.source.onopen = () => this.set("live");
    this.source.onerror = () => {
      this.set("polling");
      // the browser gives up after an answer that is no stream (503: too many watch): try again ourselves
      if (this.source?.readyState === EventSource.CLOSED) this.again(10_000);
    };
    for (const name of [...this.events, "heartbeat"]) {
      this.source.addEventListener(name, (event) => {
        this.set("live");
        this.watch();
        if (name !== "heartbeat") this.heard(name, String((event as MessageEvent).data));
      });
    }
    this.watch();
  }

  close(): void {
    window.clearTimeout(this.silence);
    window.clearTimeout(this.retry);
    this.source?.close();
    this.source = undefined;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private set(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    this.listeners.forEach((listener) => listener());
  }

  private watch(): void {
    window.clearTimeout(this.silence);
    this.silence = window.setTimeout(() => {
      this.set("polling");
      this.again(0);
    }, SILENCE);
  }

  private again(after: number): void {
    window.clearTimeout(this.retry);
    this.retry = window.setTimeout(() => {
      this.close();
      this.open();
    }, after);
  }
}

const streams = new Map<string, { stream: Stream; users: number }>();
const NONE = () => {};

/**
 * Keeps what lies under `refresh` fresh while the caller is shown: by the stream at `url`, by polling while there is none. A hidden tab
 * asks for nothing and catches up when it is seen again. Answers how it stands.
 */
export function useLive(url: string | null, events: readonly string[], refresh: readonly QueryKey[]): LiveState {
  const queries = useQueryClient();
  const names = events.join();
  const wanted = JSON.stringify(refresh);
  useEffect(() => {
    if (url === null) return;
    let timer: number | undefined;
    const refetch = () => {
      timer = undefined;
      const under = JSON.parse(wanted) as QueryKey[];
      // an answer that is on its way may be older than the news: it is awaited, not broken off, or a slow server would never be heard
      if (under.some((queryKey) => queries.isFetching({ queryKey }) > 0)) return soon();
      for (const queryKey of under) void queries.invalidateQueries({ queryKey });
    };
    const soon = () => {
      timer ??= window.setTimeout(refetch, PAUSE);
    };
    const entry = streams.get(url) ?? { stream: new Stream(url, names.split(","), () => dispatch(url)), users: 0 };
    streams.set(url, entry);
    const listeners = news.get(url) ?? new Set();
    news.set(url, listeners);
    listeners.add(soon);
    entry.users += 1;
    if (entry.users === 1) entry.stream.open();
    const poll = window.setInterval(() => {
      if (!document.hidden && entry.stream.state !== "live") soon();
    }, POLL_EVERY);
    const seen = () => {
      if (document.hidden) entry.stream.close();
      else {
        entry.stream.close();
        entry.stream.open();
        soon();
      }
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      window.clearInterval(poll);
      window.clearTimeout(timer);
      listeners.delete(soon);
      entry.users -= 1;
      if (entry.users === 0) {
        entry.stream.close();
        streams.delete(url);
        news.delete(url);
      }
    };
  }, [url, names, wanted, queries]);
  const subscribe = useCallback(
    (listener: () => void) => (url === null ? undefined : streams.get(url)?.stream.subscribe(listener)) ?? NONE,
    [url],
  );
  return useSyncExternalStore(subscribe, () => (url === null ? undefined : streams.get(url)?.stream.state) ?? "connecting");
}

const news = new Map<string, Set<() => void>>();

function dispatch(url: string): void {
  news.get(url)?.forEach((listener) => listener());
}

export const liveUrl = (workflowId?: string): string =>
  workflowId === undefined ? "/api/podium/live" : `/api/podium/live?workflowId=${encodeURIComponent(workflowId)}`;
