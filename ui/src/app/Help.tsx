import { Dialog } from "../widgets/Dialog";
import { useAllCommands } from "./commands";

/** All keys that work on this page. */
export function Help({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const commands = useAllCommands().filter((command) => command.keys);
  const groups = [...new Set(commands.map((command) => command.group))];
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keys">
      {groups.map((group) => (
        <section key={group} className="column">
          <h3>{group}</h3>
          <dl className="keys">
            {commands
              .filter((command) => command.group === group)
              .map((command) => (
                <div key={command.id} className="row">
                  <dt className="grow">{command.title}</dt>
                  <dd>
                    <kbd>{command.keys?.replace("mod", "Ctrl")}</kbd>
                  </dd>
                </div>
              ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
