import { Dialog } from "../../widgets/Dialog";

/** Asks before a draft goes that is kept nowhere else. */
export function ThrowAway({ name, go, onClose }: { name: string; go: () => void; onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title="Throw the draft away?" description={`What is drawn of ${name} is not deployed. Undo brings it back as long as this page is open.`}>
      <div className="row">
        <button
          type="button"
          className="button danger"
          onClick={() => {
            onClose();
            go();
          }}
        >
          Throw the draft away
        </button>
        <button type="button" className="button" onClick={onClose}>
          Keep the draft
        </button>
      </div>
    </Dialog>
  );
}
