/** Keys to commands. Typing into a field is never a shortcut, but with Ctrl or Cmd. */
import { useEffect } from "react";
import { allCommands, type Command } from "./commands";

/** Within this time two keys are one sequence. */
const SEQUENCE = 1_200;

const mac = () => navigator.platform.startsWith("Mac");

/** A key press in the words of [`Command.keys`]. */
export function pressed(event: KeyboardEvent): string {
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key));
  return [mac() ? event.metaKey && "mod" : event.ctrlKey && "mod", event.altKey && "alt", shift && "shift", name]
    .filter(Boolean)
    .join("+");
}

function typing(target: EventTarget | null): boolean {
  const element = target instanceof HTMLElement ? target : null;
  return element !== null && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
}

export function useShortcuts(): void {
  useEffect(() => {
    let before = "";
    let at = 0;
    const heard = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const key = pressed(event);
      if (typing(event.target) && !key.startsWith("mod+")) return;
      // a dialog has its own keys
      if (document.querySelector("[role=dialog][data-state=open]") && !key.startsWith("mod+")) return;
      const sequence = event.timeStamp - at < SEQUENCE && before ? `${before} ${key}` : key;
      const match = (keys: string): Command | undefined => allCommands().findLast((c) => c.keys === keys && !c.disabled);
      const found = match(sequence) ?? match(key);
      before = found ? "" : key;
      at = event.timeStamp;
      if (!found) return;
      event.preventDefault();
      found.run();
    };
    window.addEventListener("keydown", heard);
    return () => window.removeEventListener("keydown", heard);
  }, []);
}
