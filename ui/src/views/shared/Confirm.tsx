import type { ReactNode } from "react";
import { Dialog } from "../../widgets/Dialog";
import { Refused } from "./Refused";

interface Props {
  title: string;
  /** What the button says that does it, and the one that does not. */
  act: string;
  keep?: string;
  /** What became of the last try. */
  tried: { error: unknown; isPending: boolean };
  onConfirm: () => void;
  onClose: () => void;
  /** What it means. */
  children: ReactNode;
}

/** Asks once more before something that cannot be taken back. */
export function Confirm({ title, act, keep = "Keep it", tried, onConfirm, onClose, children }: Props) {
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title={title}>
      {children}
      {tried.error !== null && <Refused error={tried.error} />}
      <div className="row">
        <button type="button" className="button danger" onClick={onConfirm} disabled={tried.isPending}>
          {act}
        </button>
        <button type="button" className="button" onClick={onClose}>
          {keep}
        </button>
      </div>
    </Dialog>
  );
}
