/** The ingestion service's socket: comes back by itself and goes on where it was, so nothing is missed. */
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useQuery } from "@tanstack/react-query";
import { heard, NO_NEWS, type News } from "../model/news";
import { uiConfig } from "./config";
import { keys } from "./keys";
import type { LiveState } from "./live";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
/** The service says every how many seconds it beats; this many missed beats are a broken connection. */
const MISSED_BEATS = 2.5;

export interface Told {
  news: News;
  state: LiveState;
}

class Socket {
  private told: Told = { news: NO_NEWS, state: "connecting" };
  private socket: WebSocket | undefined;
  private pause = FIRST_PAUSE;
  private timer: number | undefined;
  private silence: number | undefined;
  private beat = 15_000;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly base: string,
    private readonly workflow: string | undefined,
  ) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.connect();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.end();
    };
  };

  now = (): Told => this.told;

  private connect(): void {
    const query = new URLSearchParams({ live: "1" });
    if (this.workflow) query.set("workflow", this.workflow);
    if (this.told.news.lastId) query.set("last_id", this.told.news.lastId);
    const socket = new WebSocket(`${this.base.replace(/^http/, "ws")}/ws?${query}`);
    this.socket = socket;
    socket.onopen = () => this.tell({ ...this.told, state: "live" });
    socket.onmessage = (event) => {
      this.pause = FIRST_PAUSE;
      this.take(String(event.data));
      this.listen();
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.tell({ ...this.told, state: "polling" });
      this.timer = window.setTimeout(() => this.connect(), this.pause * (0.75 + Math.random() / 2));
      this.pause = Math.min(LONGEST_PAUSE, this.pause * 2);
    };
    this.listen();
  }

  private take(data: string): void {
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof message !== "object" || message === null) return;
    const said = message as Record<string, unknown>;
    if (typeof said["heartbeat_seconds"] === "number") this.beat = said["heartbeat_seconds"] * 1_000;
    const news = heard(this.told.news, said);
    if (news !== this.told.news || this.told.state !== "live") this.tell({ news, state: "live" });
  }

  /** A connection that is dead without a word is closed by ourselves. */
  private listen(): void {
    window.clearTimeout(this.silence);
    const socket = this.socket;
    this.silence = window.setTimeout(() => socket?.close(), this.beat * MISSED_BEATS);
  }

  private end(): void {
    window.clearTimeout(this.timer);
    window.clearTimeout(this.silence);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
  }

  private tell(told: Told): void {
    this.told = told;
    this.listeners.forEach((listener) => listener());
  }
}

const sockets = new Map<string, Socket>();
const NOBODY: Told = { news: NO_NEWS, state: "connecting" };
const NEVER = () => () => {};

/** Address of the ingestion service; null where there is none, undefined while it is not known. */
export function useIngestion(): string | null | undefined {
  return useQuery({ queryKey: keys.config, queryFn: uiConfig, staleTime: Infinity }).data?.ingestion;
}

/** What the service tells, of one workflow or of all; all callers share a connection. */
export function usePipelineNews(workflow?: string): Told {
  const base = useIngestion();
  const socket = useMemo(() => {
    if (!base) return undefined;
    const key = `${base} ${workflow ?? ""}`;
    const found = sockets.get(key) ?? new Socket(base, workflow);
    sockets.set(key, found);
    return found;
  }, [base, workflow]);
  useEffect(
    () => () => {
      // those of single workflows are not needed again soon
      if (workflow && base) sockets.delete(`${base} ${workflow}`);
    },
    [base, workflow],
  );
  return useSyncExternalStore(socket?.subscribe ?? NEVER, socket?.now ?? (() => NOBODY));
}
