import { useScheduleVerb } from "../../api/queries/schedules";
import { useToast } from "../../widgets/Toast";
import { Confirm } from "../shared/Confirm";

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
    <Confirm title={`Delete the schedule ${name}`} act={`Delete ${name}`} tried={act} onConfirm={submit} onClose={onClose}>
      <p>It will start nothing any more; what it has started goes on. This cannot be undone: to stop it for a while, pause it.</p>
    </Confirm>
  );
}
