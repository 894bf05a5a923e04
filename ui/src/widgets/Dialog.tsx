import { Dialog as Radix } from "radix-ui";
import type { CSSProperties, ReactNode } from "react";
import "./widgets.css";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: string;
  width?: number;
  children: ReactNode;
}

/** A modal dialog: keeps the focus, closes by Escape, gives the focus back. */
export function Dialog({ open, onOpenChange, title, description, width, children }: Props) {
  const style = width ? ({ "--dialog-width": `${width}px` } as CSSProperties) : undefined;
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="dialog-scrim" />
        <Radix.Content className="dialog" style={style} {...(description ? {} : { "aria-describedby": undefined })}>
          <div className="row">
            <Radix.Title asChild>
              <h2 className="grow">{title}</h2>
            </Radix.Title>
            <Radix.Close className="button quiet" aria-label="Close">
              ✕
            </Radix.Close>
          </div>
          {description && <Radix.Description className="soft">{description}</Radix.Description>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
