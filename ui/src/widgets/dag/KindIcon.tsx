import type { Kind } from "../../model/structure";

const PATHS: Partial<Record<Kind, string>> = {
  fork: "M6 1v3M6 4 2 8v3M6 4l4 4v3",
  dynamicFork: "M6 1v3M6 4 2 8v3M6 4v7M6 4l4 4v3",
  join: "M2 1v3l4 4 4-4V1M6 8v3",
  switch: "M6 1l5 5-5 5-5-5z",
  loop: "M10 6a4 4 0 1 1-1.5-3.1M9 .8v2.4H6.6",
  subWorkflow: "M1.5 1.5h9v9h-9zM4 4h4v4H4z",
  terminate: "M2.5 2.5h7v7h-7z",
  stretch: "M2 2.5h8M2 6h8M2 9.5h8",
  raw: "M4 2 1 6l3 4M8 2l3 4-3 4",
};

/** What kind of construct it is; the type stands beside it as a word. */
export function KindIcon({ kind }: { kind: string }) {
  const path = PATHS[kind as Kind];
  if (!path) return null;
  return (
    <svg className="dag-kind" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" strokeWidth="1.3" />
    </svg>
  );
}
