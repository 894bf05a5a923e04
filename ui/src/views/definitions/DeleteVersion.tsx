import { useNavigate } from "react-router";
import { useDeleteVersion, useOpenRuns } from "../../api/queries/definitions";
import { useSchedules } from "../../api/queries/schedules";
import { links } from "../../model/links";
import { useToast } from "../../widgets/Toast";
import { Confirm } from "../shared/Confirm";
import { useParam } from "../../app/useParam";

interface Props {
  name: string;
  version: number;
  /** There is no other version. */
  last: boolean;
  onClose: () => void;
}

/** Says what deleting a version does to runs and schedules, and does it. */
export function DeleteVersion({ name, version, last, onClose }: Props) {
  const open = useOpenRuns(name, version);
  const schedules = useSchedules(name);
  const remove = useDeleteVersion();
  const toast = useToast();
  const navigate = useNavigate();
  const [, show] = useParam("version");
  const starting = schedules.data?.filter((each) => last || each.startWorkflowRequest.version === version).length ?? 0;
  const submit = () =>
    remove.mutate(
      { name, version },
      {
        onSuccess: () => {
          toast({ text: `Version ${version} of ${name} is deleted.` });
          onClose();
          if (last) void navigate(links.definitions());
          else show("");
        },
      },
    );
  return (
    <Confirm title={`Delete version ${version} of ${name}`} act={`Delete version ${version}`} tried={remove} onConfirm={submit} onClose={onClose}>
      <p role="status">
        {open.data
          ? openRuns(open.data.open, open.data.atLeast)
          : open.error
            ? `How many runs of it are open is not known: ${open.error.message}`
            : "Counting the open runs of it …"}
      </p>
      <p>
        {last
          ? `It is the only version: no run of ${name} can be started any more until it is registered again.`
          : "New runs can no longer be started with this version; those that name no version take the highest one that is left."}{" "}
        This cannot be undone.
      </p>
      {starting > 0 && (
        <p className="tone-warn">
          {starting === 1 ? "One schedule starts" : `${starting} schedules start`} this version and will fail from then on.
        </p>
      )}
    </Confirm>
  );
}

function openRuns(open: number, atLeast: boolean): string {
  if (open === 0) return "No run of it is open.";
  const runs = `${atLeast ? "At least " : ""}${open} ${open === 1 ? "run of it is" : "runs of it are"} open`;
  return `${runs}: they keep their copy of the definition and go on.`;
}
