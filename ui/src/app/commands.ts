/** Every action is a named command: the palette, menus and keys run the same one. */
import { useEffect, useMemo, useSyncExternalStore } from "react";

export interface Command {
  /** Unique while it is registered, for instance `run.retry`. */
  id: string;
  /** A verb with its object, as a button would say it. */
  title: string;
  group: string;
  /** `g r` is g, then r; `mod+z` is Ctrl or Cmd. */
  keys?: string;
  /** Absent: may be used now; else why not. */
  disabled?: string | undefined;
  run: () => void;
}

let commands: readonly Command[] = [];
const owners = new Map<symbol, readonly Command[]>();
const listeners = new Set<() => void>();

function publish(): void {
  commands = [...owners.values()].flat();
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Offers commands while the caller is shown. Memoise the list, or it is offered anew with each drawing. */
export function useCommands(offered: readonly Command[]): void {
  const owner = useMemo(() => Symbol("commands"), []);
  useEffect(() => {
    owners.set(owner, offered);
    publish();
    return () => {
      owners.delete(owner);
      publish();
    };
  }, [owner, offered]);
}

export const useAllCommands = (): readonly Command[] => useSyncExternalStore(subscribe, () => commands);
export const allCommands = (): readonly Command[] => commands;
