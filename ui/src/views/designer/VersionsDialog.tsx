import { useState } from "react";
import { useNavigate } from "react-router";
import { useDefinition, useVersions } from "../../api/queries/definitions";
import { comparable } from "../../model/designer/definition";
import { links } from "../../model/links";
import { Dialog } from "../../widgets/Dialog";
import { words } from "../../widgets/ErrorState";
import { JsonDiff } from "../../widgets/JsonDiff";
import { Loading } from "../../widgets/Loading";
import { Time } from "../../widgets/Time";

interface Props {
  name: string;
  /** What the drawing becomes. */
  drawn: unknown;
  onClose: () => void;
}

/** The registered versions of a definition, and what differs between two of them or from the drawing. */
export function VersionsDialog({ name, drawn, onClose }: Props) {
  const versions = useVersions(name);
  const navigate = useNavigate();
  const [before, setBefore] = useState<number | undefined>();
  const [after, setAfter] = useState<number | "drawn">("drawn");
  const list = versions.data ?? [];
  const left = before ?? list[0]?.version;
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title={`Versions of ${name}`} width={980}>
      {versions.isLoading && <Loading what="the versions" />}
      {versions.error && <p>{words(versions.error)} It may not be registered yet.</p>}
      {versions.data && list.length === 0 && <p>No version of {name} is registered yet.</p>}
      {list.length > 0 && (
        <>
          <div className="scrolls designer-short">
            <table>
              <thead>
                <tr>
                  <th scope="col">Version</th>
                  <th scope="col">Registered</th>
                  <th scope="col">Compare from</th>
                  <th scope="col">to</th>
                  <th scope="col">
                    <span className="unseen">Open</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                <tr>
                  <th scope="row">The drawing</th>
                  <td />
                  <td />
                  <td>
                    <input type="radio" name="after" aria-label="Compare to the drawing" checked={after === "drawn"} onChange={() => setAfter("drawn")} />
                  </td>
                  <td />
                </tr>
                {list.map(({ version, createTime, updateTime }) => (
                  <tr key={version}>
                    <th scope="row" className="number">
                      {version}
                    </th>
                    <td>
                      <Time at={updateTime || createTime} />
                    </td>
                    <td>
                      <input
                        type="radio"
                        name="before"
                        aria-label={`Compare from version ${version}`}
                        checked={left === version}
                        onChange={() => setBefore(version)}
                      />
                    </td>
                    <td>
                      <input
                        type="radio"
                        name="after"
                        aria-label={`Compare to version ${version}`}
                        checked={after === version}
                        onChange={() => setAfter(version)}
                      />
                    </td>
                    <td>
                      <button
                        type="button"
                        className="button"
                        aria-label={`Open version ${version}`}
                        onClick={() => {
                          onClose();
                          void navigate(links.designer(name, version));
                        }}
                      >
                        Open
                      </button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {left !== undefined && <Compare name={name} before={left} after={after} drawn={drawn} />}
        </>
      )}
    </Dialog>
  );
}

function Compare({ name, before, after, drawn }: { name: string; before: number; after: number | "drawn"; drawn: unknown }) {
  const one = useDefinition(name, before);
  const two = useDefinition(name, after === "drawn" ? undefined : after, after !== "drawn");
  const other = after === "drawn" ? drawn : two.data;
  if (after === "drawn" && drawn === undefined) return <p className="soft">The drawing is no definition yet: mend its problems first.</p>;
  const failure = one.error ?? (after === "drawn" ? null : two.error);
  if (failure) return <p className="designer-wrong">{words(failure)}</p>;
  if (!one.data || other === undefined) return <Loading what="the definitions" />;
  return <JsonDiff before={comparable(one.data)} after={comparable(other)} labels={[`Version ${before}`, after === "drawn" ? "The drawing" : `Version ${after}`]} />;
}
