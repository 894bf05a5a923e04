/**
 * The layout engine, in a worker of its own. The worker is a file as the library ships it, loaded when the first
 * diagram is laid out: it is 1.6 MB, and the content security policy allows workers from files only.
 */
import type { ELK } from "elkjs/lib/elk-api";

let running: Promise<ELK> | undefined;

/** The engine; the same one until it is given up. */
export function engine(): Promise<ELK> {
  running ??= start();
  return running;
}

async function start(): Promise<ELK> {
  const [{ default: Elk }, { default: address }] = await Promise.all([
    import("elkjs/lib/elk-api"),
    import("elkjs/lib/elk-worker.min.js?url"),
  ]);
  // a classic worker: the file is compiled Java that no bundler should touch
  return new Elk({ algorithms: ["layered"], workerFactory: () => new Worker(address) });
}

/** Ends a worker that does not answer; the next layout starts a new one. */
export function giveUp(): void {
  const late = running;
  running = undefined;
  late?.then((elk) => elk.terminateWorker()).catch(() => undefined);
}
