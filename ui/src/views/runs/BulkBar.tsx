import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { BULK_VERBS, runs, verbName, type BulkVerb } from "../../model/bulk";

interface Props {
  selected: number;
  /** Runs that the whole query finds, if that is known. */
  hits: number;
  exact: boolean;
  onAct: (verb: BulkVerb, whole: boolean) => void;
  onClear: () => void;
  onOperations: () => void;
  /** News of the list: it stands here, where it moves no row. */
  children?: ReactNode;
}

/** Acts on what is selected, or on everything that the filters find. */
export function BulkBar({ selected, hits, exact, onAct, onClear, onOperations, children }: Props) {
  const all = `${hits.toLocaleString("en")}${exact ? "" : "+"}`;
  return (
    <div className="row runs-bulk" role="group" aria-label="Actions on many runs">
      {selected === 0 ? (
        <span className="soft">{hits > 0 ? `${all} ${hits === 1 ? "run" : "runs"} found` : ""}</span>
      ) : (
        <>
          <strong role="status">{runs(selected)} selected</strong>
          {BULK_VERBS.map((verb) => (
            <button
              key={verb}
              type="button"
              className={`button ${verb === "terminate" || verb === "remove" ? "danger" : ""}`}
              onClick={() => onAct(verb, false)}
            >
              {verbName(verb)} {selected.toLocaleString("en")}
            </button>
          ))}
          <button type="button" className="button quiet" onClick={onClear}>
            Clear the selection
          </button>
        </>
      )}
      <span className="grow" />
      {children}
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger className="button" disabled={hits === 0}>
          Act on all {all} found
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
            {BULK_VERBS.map((verb) => (
              <DropdownMenu.Item key={verb} className="menu-item" onSelect={() => onAct(verb, true)}>
                {verbName(verb)} all {all} …
              </DropdownMenu.Item>
            ))}
            <DropdownMenu.Separator className="runs-line" />
            <DropdownMenu.Item className="menu-item" onSelect={onOperations}>
              Show former operations on many runs
            </DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
    </div>
  );
}
