import { useState } from "react";
import { useDeadLetters, useReplay, type DeadLetter } from "../../api/queries/events";
import { bytes } from "../../model/duration";
import { Dialog } from "../../widgets/Dialog";
import { EmptyState } from "../../widgets/EmptyState";
import { words } from "../../widgets/ErrorState";
import { Time } from "../../widgets/Time";
import { useToast } from "../../widgets/Toast";
import { Answered } from "../../widgets/Answered";

const SHOWN = 200;
const idOf = (letter: DeadLetter) => `${letter.partition}-${letter.offset}`;

/** Records that were no events: why, what they held, and sending them again to where they came from. */
export function DeadLetters() {
  const query = useDeadLetters(SHOWN);
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set());
  const [asking, ask] = useState(false);
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  const letters = query.data?.letters ?? [];
  const selected = letters.filter((letter) => chosen.has(idOf(letter)));
  const replay = (
    <button type="button" className="button main" disabled={selected.length === 0} onClick={() => ask(true)}>
      Send {selected.length === 0 ? "" : `${selected.length} `}again
    </button>
  );
  return (
    <>
      <Answered query={query} what="Refused events" tools={replay}>
        {({ topic, available, why }) =>
          !available ? (
            <EmptyState title="The broker cannot be asked">{why ?? "The records could not be read."}</EmptyState>
          ) : letters.length === 0 ? (
            <EmptyState title="No event was refused">
              A record of the events topic that is no event would be kept in <code>{topic}</code>.
            </EmptyState>
          ) : (
            <div className="listed">
              <table aria-label="Refused events">
                <thead>
                  <tr>
                    <th scope="col">
                      <input
                        type="checkbox"
                        aria-label="Choose all"
                        checked={selected.length === letters.length}
                        onChange={() => choose(selected.length === letters.length ? new Set() : new Set(letters.map(idOf)))}
                      />
                    </th>
                    <th scope="col">When</th>
                    <th scope="col">Why</th>
                    <th scope="col">Came from</th>
                    <th scope="col">Key</th>
                    <th scope="col">Record</th>
                  </tr>
                </thead>
                <tbody>
                  {letters.map((letter) => (
                    <tr key={idOf(letter)}>
                      <td>
                        <input
                          type="checkbox"
                          aria-label={`Choose record ${letter.offset} of partition ${letter.partition}`}
                          checked={chosen.has(idOf(letter))}
                          onChange={() => toggle(idOf(letter))}
                        />
                      </td>
                      <td>
                        <Time at={letter.at} />
                      </td>
                      <td>{letter.reason}</td>
                      <td>
                        {letter.origin ? (
                          <code>
                            {letter.origin.topic}/{letter.origin.partition}@{letter.origin.offset}
                          </code>
                        ) : (
                          <span className="soft">not known</span>
                        )}
                      </td>
                      <td>{letter.key ? <code>{letter.key}</code> : <span className="soft">none</span>}</td>
                      <td>
                        {letter.value == null ? (
                          <span className="soft">no value</span>
                        ) : (
                          <details>
                            <summary>
                              {bytes(letter.valueSize)}
                              {letter.binary && ", no text: in base64"}
                            </summary>
                            <pre className="listed-text">{letter.value}</pre>
                          </details>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answered>
      {asking && (
        <ReplayDialog
          letters={selected}
          onClose={(done) => {
            ask(false);
            if (done) choose(new Set());
          }}
        />
      )}
    </>
  );
}

function ReplayDialog({ letters, onClose }: { letters: readonly DeadLetter[]; onClose: (done: boolean) => void }) {
  const replay = useReplay();
  const toast = useToast();
  const topics = [...new Set(letters.map((letter) => letter.origin?.topic ?? "an unknown topic"))].join(", ");
  const send = () =>
    replay.mutate(
      letters.map(({ partition, offset }) => ({ partition, offset })),
      {
        onSuccess: ({ replayed }) => {
          const refused = replayed.filter((one) => !one.ok);
          toast({
            text:
              refused.length === 0
                ? `${replayed.length} ${replayed.length === 1 ? "record was" : "records were"} sent again.`
                : `${replayed.length - refused.length} were sent again, ${refused.length} were not: ${refused[0]?.error ?? "no reason was given"}`,
            bad: refused.length > 0,
          });
          onClose(true);
        },
      },
    );
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose(false)}
      title={`Send ${letters.length} ${letters.length === 1 ? "record" : "records"} again`}
      description={`They are published to ${topics} as they were. Those that are still no events come back here.`}
    >
      {replay.error && <p role="alert">{words(replay.error)}</p>}
      <div className="row">
        <button type="button" className="button main" disabled={replay.isPending} onClick={send}>
          Send {letters.length} again
        </button>
        <button type="button" className="button" onClick={() => onClose(false)}>
          Not now
        </button>
      </div>
    </Dialog>
  );
}
