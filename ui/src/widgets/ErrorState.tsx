import type { ReactNode } from "react";
import "./widgets.css";

/** Something went wrong: the words of whoever refused, and the next step. */
export function ErrorState({ title, error, action }: { title: string; error: unknown; action?: ReactNode }) {
  return (
    <div className="state" role="alert">
      <h2>{title}</h2>
      <p>{words(error)}</p>
      {action && <div className="row">{action}</div>}
    </div>
  );
}

export function words(error: unknown): string {
  if (error instanceof Error) return error.message;
  if (typeof error === "object" && error !== null && "statusText" in error) return String(error.statusText);
  return typeof error === "string" ? error : "Nothing is known about the cause.";
}
