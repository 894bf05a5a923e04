import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, client } from "../../api/client";
import { keys } from "../../api/keys";
import { ApiFailure } from "../../api/client";
import type { Graph } from "../../model/designer/document";
import { links } from "../../model/links";
import { Dialog } from "../../widgets/Dialog";
import { words } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import { useEditor } from "./editor";
import { readDocument } from "./open";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Asks before a draft is thrown away. */
  guard: (go: () => void) => void;
}

/** Takes over a document: a registered definition, a file, or pasted JSON of Conductor or of the designer. */
export function OpenDialog({ open, onOpenChange, guard }: Props) {
  const editor = useEditor();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [search, setSearch] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<readonly string[]>([]);
  const names = useQuery({
    queryKey: keys.definition("", "names-and-versions"),
    queryFn: ({ signal }) => answer(client.GET("/api/metadata/workflow/names-and-versions", { signal })),
    enabled: open,
    staleTime: 5_000,
  });
  const take = async (json: string) => {
    setBusy(true);
    setWrong([]);
    try {
      const graph: Graph = await readDocument(JSON.parse(json) as unknown);
      guard(() => {
        editor.apply(() => graph);
        onOpenChange(false);
        setText("");
      });
    } catch (error) {
      const said = error instanceof ApiFailure ? error.violations.map((violation) => violation.message) : [];
      setWrong(said.length > 0 ? said : [words(error)]);
    } finally {
      setBusy(false);
    }
  };
  const all = Object.entries(names.data ?? {});
  const found = all.filter(([name]) => name.toLowerCase().includes(search.trim().toLowerCase())).slice(0, 100);
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Open a workflow" width={680}>
      <section className="column" aria-label="Registered definitions">
        <h3>A registered definition</h3>
        <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} aria-label="Find a definition" placeholder="Find a definition" />
        {names.isLoading && <Loading what="the definitions" />}
        {names.error && <p className="designer-wrong">{words(names.error)}</p>}
        <ul className="designer-choices designer-short" aria-label="Definitions">
          {found.map(([name, versions]) => {
            const numbers = [...(versions as { version: number }[])].map((each) => each.version).sort((a, b) => b - a);
            // the draft of this document stays where it is
            const go = (version?: number) => {
              onOpenChange(false);
              void navigate(links.designer(name, version));
            };
            return (
              <li key={name} className="row">
                <button type="button" className="designer-item designer-name-item" onClick={() => go()}>
                  {name}
                </button>
                {numbers.slice(0, 5).map((version) => (
                  <button key={version} type="button" className="button quiet" onClick={() => go(version)} aria-label={`Open ${name} version ${version}`}>
                    {version}
                  </button>
                ))}
              </li>
            );
          })}
        </ul>
        {names.data && found.length === 0 && <p className="soft">{all.length === 0 ? "Nothing is registered yet." : "No definition is called so."}</p>}
      </section>
      <section className="column" aria-label="JSON">
        <h3>JSON: a workflow definition of Conductor, or a graph</h3>
        <div className="field">
          <label htmlFor="open-file">File</label>
          <input
            id="open-file"
            type="file"
            accept=".json,application/json"
            onChange={(event) => {
              const file = event.target.files?.[0];
              event.target.value = "";
              if (file) void file.text().then(take);
            }}
          />
        </div>
        <div className="field">
          <label htmlFor="open-text">Or paste it</label>
          <textarea id="open-text" className="mono" rows={6} value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} />
        </div>
        {wrong.map((each) => (
          <p key={each} role="alert" className="designer-wrong">
            {each}
          </p>
        ))}
        <div className="row">
          <button type="button" className="button main" disabled={text.trim() === "" || busy} onClick={() => void take(text)}>
            {busy ? "Drawing …" : "Draw it"}
          </button>
        </div>
      </section>
    </Dialog>
  );
}
