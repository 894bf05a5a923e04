import type { LiveState } from "../../api/live";
import { duration } from "../../model/duration";
import { useNow } from "../../widgets/Time";

export interface Fresh {
  /** When what is shown was asked for. */
  at: number;
  live: LiveState;
  /** The last question had no answer. */
  failing: boolean;
  /** The server does not know the run any more. */
  gone: boolean;
}

/** How old what is shown is, and by which way news come. */
export function Freshness({ at, live, failing, gone }: Fresh) {
  const now = useNow();
  const age = Math.max(0, now - at);
  const old = age < 2_000 ? "now" : `${duration(Math.floor(age / 1_000) * 1_000).replace(".0 s", " s")} old`;
  if (gone) return <span className="mark tone-warn">No longer there</span>;
  if (failing) return <span className="mark tone-bad">⚠ No answer from the server, {old}</span>;
  // a run in which nothing happens is not stale: while the stream stands, no news means that nothing changed
  if (live === "live") return <span className="mark tone-good">● Live</span>;
  return (
    <span className="mark soft">
      <span aria-hidden="true">◌</span> {live === "connecting" ? "Connecting" : "Asks every 3 s"}, {old}
    </span>
  );
}
