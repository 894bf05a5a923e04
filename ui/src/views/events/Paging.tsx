/** One page of a list back or on. */
export function Paging({ start, size, shown, total, onStart }: { start: number; size: number; shown: number; total?: number; onStart: (start: number) => void }) {
  const last = total === undefined ? shown < size : start + shown >= total;
  if (start === 0 && last) return null;
  return (
    <nav className="row" aria-label="Pages">
      <button type="button" className="button" disabled={start === 0} onClick={() => onStart(Math.max(0, start - size))}>
        Newer
      </button>
      <span role="status">
        {start + 1} to {start + shown}
        {total !== undefined && ` of ${total}`}
      </span>
      <button type="button" className="button" disabled={last} onClick={() => onStart(start + size)}>
        Older
      </button>
    </nav>
  );
}
