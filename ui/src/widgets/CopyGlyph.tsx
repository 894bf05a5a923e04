/** Two sheets, or a hook when it is done. Drawn, since few fonts have such a sign. */
export function CopyGlyph({ done }: { done: boolean }) {
  return (
    <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.3">
      {done ? <path d="M2 6.5 5 9.5 10.5 3" strokeWidth="1.8" /> : <path d="M4 3.5V1.5h6.5V8h-2M1.5 4H8v6.5H1.5z" />}
    </svg>
  );
}
