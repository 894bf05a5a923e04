/** Keeps the place of what is on its way; screen readers hear it. */
export function Loading({ what }: { what: string }) {
  return (
    <div className="state" role="status">
      <span className="soft">Loading {what} …</span>
    </div>
  );
}
