/** What the ingestion service tells its sockets, put together: how workflows stand, which can be taken up again, their statistics. Pure. */

export interface NodeState {
  reference: string;
  task_type?: string;
  status: string;
  task_id?: string;
  retry_count?: number;
  reason?: string;
  start_time?: number;
  end_time?: number;
}

export interface WorkflowState {
  workflow_id: string;
  name?: string;
  version?: number;
  status?: string;
  reason?: string;
  nodes: readonly NodeState[];
}

/** A failed workflow that one request continues. */
export interface Offer {
  workflow_id: string;
  retry_url: string;
  payload: Readonly<Record<string, unknown>>;
}

export interface Statistics {
  workflow_id: string;
  task_id: string;
  stats_url?: string;
  content: string;
}

export interface News {
  /** Where a socket that comes back goes on. */
  readonly lastId: string | undefined;
  readonly workflows: ReadonlyMap<string, WorkflowState>;
  readonly offers: ReadonlyMap<string, Offer>;
  /** By workflow and label of the task. */
  readonly statistics: ReadonlyMap<string, Statistics>;
}

export const NO_NEWS: News = { lastId: undefined, workflows: new Map(), offers: new Map(), statistics: new Map() };
/** How much is kept of what a busy service tells. */
const KEPT = 200;

type Message = Readonly<Record<string, unknown>>;
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const list = (value: unknown): Message[] =>
  Array.isArray(value) ? value.filter((one): one is Message => typeof one === "object" && one !== null) : [];

function put<T>(map: ReadonlyMap<string, T>, key: string, value: T): Map<string, T> {
  const next = new Map(map);
  next.delete(key);
  next.set(key, value);
  for (const oldest of next.keys()) {
    if (next.size <= KEPT) break;
    next.delete(oldest);
  }
  return next;
}

function without<T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> {
  if (!map.has(key)) return map;
  const next = new Map(map);
  next.delete(key);
  return next;
}

function state(message: Message): WorkflowState {
  const nodes = list(message["nodes"]).map((node) => node as unknown as NodeState);
  return { ...(message as unknown as WorkflowState), workflow_id: text(message["workflow_id"]), nodes };
}

function offer(message: Message): Offer {
  const payload = message["payload"];
  return {
    workflow_id: text(message["workflow_id"]),
    retry_url: text(message["retry_url"]),
    payload: typeof payload === "object" && payload !== null ? (payload as Message) : {},
  };
}

/** What is known after this message. Kinds that are not known change nothing but the place to go on. */
export function heard(before: News, message: Message): News {
  const id = text(message["id"]) || text(message["last_id"]);
  const news = id ? { ...before, lastId: id } : before;
  const workflow = text(message["workflow_id"]);
  switch (message["type"]) {
    case "snapshot": {
      const workflows = list(message["workflows"]).map(state);
      const offers = list(message["offers"]).map(offer);
      return {
        ...news,
        // what it does not name is not known to be so any more
        workflows: new Map(workflows.map((one) => [one.workflow_id, one])),
        offers: new Map(offers.map((one) => [one.workflow_id, one])),
      };
    }
    case "status":
      return { ...news, workflows: put(news.workflows, workflow, state(message)) };
    case "retry_offer":
      return { ...news, offers: put(news.offers, workflow, offer(message)) };
    case "resumed":
      return { ...news, offers: without(news.offers, workflow) };
    case "statistics": {
      const task = text(message["taskId"]);
      const found = { workflow_id: workflow, task_id: task, stats_url: text(message["stats_url"]), content: text(message["content"]) };
      return { ...news, statistics: put(news.statistics, `${workflow} ${task}`, found) };
    }
    default:
      return news;
  }
}
