import { useScheduleVerb } from "../../api/queries/schedules";
import { Dialog } from "../../widgets/Dialog";
import { useToast } from "../../widgets/Toast";
import { Refused } from "../start/StartDialog";

export function DeleteSchedule({ name, onClose }: { name: string; onClose: () => void }) {
  const act = useScheduleVerb();
  const toast = useToast();
  const submit = () =>
    act.mutate(
      { name, verb: "delete" },
      {
        onSuccess: () => {
          toast({ text: `The schedule ${name} is deleted.` });
          onClose();
        },
      },
    );
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title={`Delete the schedule ${name}`}>
      <p>It will start nothing any more; what it has started goes on. This cannot be undone: to stop it for a while, pause it.</p>
      {act.error && <Refused error={act.error} />}
      <div className="row">
        <button type="button" className="button danger" onClick={submit} disabled={act.isPending}>
          Delete {name}
        </button>
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
      </div>
    </Dialog>
  );
}
