import { duration } from "../model/duration";
import { useNow } from "./Time";

/** How old the shown data is; in words when it is old because nobody answers. */
export function Age({ at, failed }: { at: number; failed?: Error | null }) {
  const now = useNow();
  if (!at) return null;
  const age = Math.max(0, Math.floor((now - at) / 1_000)) * 1_000;
  const text = age < 2_000 ? "as of now" : `as of ${duration(age).replace(".0 s", " s")} ago`;
  return failed ? (
    <span className="tone-warn" role="status">
      Could not be refreshed ({failed.message}): {text}
    </span>
  ) : (
    <span className="soft">{text}</span>
  );
}
