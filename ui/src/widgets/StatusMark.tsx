import type { Shape, Status } from "../model/status";
import "./widgets.css";

const SHAPES: Record<Shape, React.ReactNode> = {
  circle: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2 1.5" />,
  ring: (
    <>
      <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <circle cx="6" cy="6" r="2" fill="currentColor" />
    </>
  ),
  check: <path d="M2 6.5 5 9.5 10.5 3" fill="none" stroke="currentColor" strokeWidth="2" />,
  cross: <path d="M2.5 2.5l7 7m0-7-7 7" fill="none" stroke="currentColor" strokeWidth="2" />,
  pause: <path d="M3 2h2v8H3zm4 0h2v8H7z" fill="currentColor" />,
  clock: (
    <>
      <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M6 3v3l2 1.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
    </>
  ),
  square: <path d="M2.5 2.5h7v7h-7z" fill="currentColor" />,
  dash: <path d="M2 5h8v2H2z" fill="currentColor" />,
  diamond: <path d="M6 1l5 5-5 5-5-5z" fill="currentColor" />,
  question: <path d="M4 4.2a2 2 0 1 1 2.6 2c-.5.2-.6.6-.6 1.1M6 9.2v.6" fill="none" stroke="currentColor" strokeWidth="1.5" />,
};

/** The shape of a status alone; whoever uses it says the word beside it or in a label. */
export function StatusShape({ status, size = 12 }: { status: Status; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 12 12" aria-hidden="true" className={`tone-${status.tone}`}>
      {SHAPES[status.shape]}
    </svg>
  );
}

/** Shape, colour and word. */
export function StatusMark({ status, pill = true }: { status: Status; pill?: boolean }) {
  return (
    <span className={`mark tone-${status.tone} ${pill ? "pill" : ""}`}>
      <StatusShape status={status} />
      {status.label}
    </span>
  );
}
