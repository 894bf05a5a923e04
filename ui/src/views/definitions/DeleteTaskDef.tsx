import { useDeleteTaskDef } from "../../api/queries/taskdefs";
import { Dialog } from "../../widgets/Dialog";
import { useToast } from "../../widgets/Toast";
import { Refused } from "../start/StartDialog";

export function DeleteTaskDef({ name, onClose }: { name: string; onClose: () => void }) {
  const remove = useDeleteTaskDef();
  const toast = useToast();
  const submit = () =>
    remove.mutate(name, {
      onSuccess: () => {
        toast({ text: `The task definition ${name} is deleted.` });
        onClose();
      },
    });
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title={`Delete the task definition ${name}`}>
      <p>
        Runs that are under way keep their copy of it. Runs that start from now on treat <code>{name}</code> as a task without a definition: no
        retries, no limits. This cannot be undone.
      </p>
      {remove.error && <Refused error={remove.error} />}
      <div className="row">
        <button type="button" className="button danger" onClick={submit} disabled={remove.isPending}>
          Delete {name}
        </button>
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
      </div>
    </Dialog>
  );
}
