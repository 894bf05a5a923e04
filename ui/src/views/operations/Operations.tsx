import { lazy, Suspense } from "react";
import { useAsked } from "./asked";

const OperationDialog = lazy(() => import("./OperationDialog"));

/** Stands once in the application; the dialog is fetched when the first operation is asked for. */
export function Operations() {
  const asked = useAsked();
  if (!asked) return null;
  return (
    <Suspense fallback={null}>
      <OperationDialog key={`${asked.verb} ${asked.workflowId} ${asked.task?.taskId ?? asked.task?.referenceTaskName ?? ""}`} asked={asked} />
    </Suspense>
  );
}
