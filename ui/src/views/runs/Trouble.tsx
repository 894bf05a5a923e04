import { Time } from "../../widgets/Time";
import { ErrorState, words } from "../../widgets/ErrorState";
import { LASTS } from "../../model/search";
import type { Change } from "./address";

/** The words of the server for a search that it gave up. */
const TOO_LONG = /took longer than/;

/** The server could not be asked, and what is shown is of before. */
export function Away({ error, at }: { error: unknown; at: number }) {
  return (
    <div className="banner warn" role="alert">
      <span>
        {words(error)} Shown is what was last known, of <Time at={at} />.
      </span>
    </div>
  );
}

/** There is nothing to show. */
export function Failed({ error, again, change }: { error: unknown; again: () => void; change: (what: Change) => void }) {
  const tooLong = TOO_LONG.test(words(error));
  return (
    <ErrorState
      title={tooLong ? "The search took too long" : "The runs could not be listed"}
      error={error}
      action={
        <>
          {tooLong &&
            LASTS.slice(0, 2).map((each) => (
              <button key={each.name} type="button" className="button" onClick={() => change({ window: { kind: "last", ms: each.ms } })}>
                Search only the last {each.label}
              </button>
            ))}
          <button type="button" className="button" onClick={again}>
            Ask again
          </button>
        </>
      }
    />
  );
}
