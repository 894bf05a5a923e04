import { DropdownMenu } from "radix-ui";
import { COLUMNS, usualColumns } from "./columns";

/** Which columns there are. */
export function ColumnMenu({ chosen, onChoose }: { chosen: readonly string[]; onChoose: (ids: readonly string[]) => void }) {
  const toggle = (id: string) =>
    onChoose(COLUMNS.map((column) => column.id).filter((each) => (each === id ? !chosen.includes(id) : chosen.includes(each))));
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="button">Columns</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          {COLUMNS.map((column) => (
            <DropdownMenu.CheckboxItem
              key={column.id}
              className="menu-item"
              checked={chosen.includes(column.id)}
              disabled={chosen.length === 1 && chosen.includes(column.id)}
              onCheckedChange={() => toggle(column.id)}
              onSelect={(event) => event.preventDefault()}
            >
              <span className="runs-tick" aria-hidden="true">
                {chosen.includes(column.id) ? "✓" : ""}
              </span>
              {column.title}
            </DropdownMenu.CheckboxItem>
          ))}
          <DropdownMenu.Item className="menu-item" onSelect={() => onChoose(usualColumns)}>
            <span className="runs-tick" />
            Show the usual columns
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
