import { Toast as Radix } from "radix-ui";
import { createContext, use, useCallback, useState, type ReactNode } from "react";
import "./widgets.css";

export interface Toast {
  text: string;
  /** A failure stays until it is closed. */
  bad?: boolean;
  action?: { title: string; run: () => void };
}

const Context = createContext<(toast: Toast) => void>(() => {});
/** Shows a short notice; screen readers hear it. */
export const useToast = (): ((toast: Toast) => void) => use(Context);

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<(Toast & { id: number })[]>([]);
  const show = useCallback((toast: Toast) => setToasts((all) => [...all.slice(-4), { ...toast, id: Math.random() }]), []);
  const close = (id: number) => setToasts((all) => all.filter((toast) => toast.id !== id));
  return (
    <Context value={show}>
      <Radix.Provider swipeDirection="right">
        {children}
        {toasts.map((toast) => (
          <Radix.Root
            key={toast.id}
            className={`toast ${toast.bad ? "bad" : ""}`}
            duration={toast.bad ? 3_600_000 : 6_000}
            type={toast.bad ? "foreground" : "background"}
            onOpenChange={(open) => open || close(toast.id)}
          >
            <Radix.Description className="grow">{toast.text}</Radix.Description>
            {toast.action && (
              <Radix.Action asChild altText={toast.action.title}>
                <button type="button" className="button" onClick={toast.action.run}>
                  {toast.action.title}
                </button>
              </Radix.Action>
            )}
            <Radix.Close className="button quiet" aria-label="Close this notice">
              ✕
            </Radix.Close>
          </Radix.Root>
        ))}
        <Radix.Viewport className="toasts" label="Notices ({hotkey})" />
      </Radix.Provider>
    </Context>
  );
}
