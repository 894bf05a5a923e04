import { useDeleteTaskDef } from "../../api/queries/taskdefs";
import { useToast } from "../../widgets/Toast";
import { Confirm } from "../shared/Confirm";

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
    <Confirm title={`Delete the task definition ${name}`} act={`Delete ${name}`} tried={remove} onConfirm={submit} onClose={onClose}>
      <p>
        Runs that are under way keep their copy of it. Runs that start from now on treat <code>{name}</code> as a task without a definition: no
        retries, no limits. This cannot be undone.
      </p>
    </Confirm>
  );
}
