import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { Dialog } from "../../widgets/Dialog";
import { useToast } from "../../widgets/Toast";
import { GIVEN, useSavedViews, type SavedView } from "./saved";

/** Saved views: go to one, save this one, forget one. */
export function ViewMenu() {
  const { views, save, forget } = useSavedViews();
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const navigate = useNavigate();
  const { search } = useLocation();
  const toast = useToast();
  const go = (view: SavedView) => void navigate(`/?${view.search}`);
  const here = views.find((view) => `?${view.search}` === search);
  return (
    <>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger className="button">{here ? `View: ${here.name}` : "Views"}</DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
            {[...GIVEN, ...views].map((view) => (
              <DropdownMenu.Item key={`${view.name} ${view.search}`} className="menu-item" onSelect={() => go(view)}>
                {view.name}
              </DropdownMenu.Item>
            ))}
            <DropdownMenu.Separator className="runs-line" />
            <DropdownMenu.Item className="menu-item" onSelect={() => setNaming(true)}>
              Save this view …
            </DropdownMenu.Item>
            {here && (
              <DropdownMenu.Item
                className="menu-item"
                onSelect={() => {
                  forget(here.name);
                  toast({ text: `The view “${here.name}” is forgotten.`, action: { title: "Keep it", run: () => save(here) } });
                }}
              >
                Forget “{here.name}”
              </DropdownMenu.Item>
            )}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      <Dialog open={naming} onOpenChange={setNaming} title="Save this view" description="Filters, time window and sort, in this browser." width={420}>
        <form
          className="column"
          onSubmit={(event) => {
            event.preventDefault();
            const kept = save({ name: name.trim(), search: search.replace(/^\?/, "") });
            toast(kept ? { text: `Saved as “${name.trim()}”.` } : { text: "This browser keeps nothing: the view lasts as long as the page.", bad: true });
            setNaming(false);
            setName("");
          }}
        >
          <label className="field">
            Name of the view
            <input value={name} maxLength={80} onChange={(event) => setName(event.target.value)} />
          </label>
          <button type="submit" className="button main" disabled={name.trim() === ""}>
            Save the view
          </button>
        </form>
      </Dialog>
    </>
  );
}
