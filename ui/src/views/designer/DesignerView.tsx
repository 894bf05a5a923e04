import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { keys } from "../../api/keys";
import { links } from "../../model/links";
import { ErrorState } from "../../widgets/ErrorState";
import { Loading } from "../../widgets/Loading";
import "./designer.css";
import { readDraft } from "./draft";
import { Editor, EditorContext } from "./editor";
import { openDocument, type Opened } from "./open";
import { Workbench } from "./Workbench";

/** The editor of a workflow: a new one, or a registered definition that the address names. */
export default function DesignerView() {
  const [query] = useSearchParams();
  const name = query.get("name") ?? "";
  const asked = Number(query.get("version"));
  const version = Number.isInteger(asked) && asked > 0 ? asked : undefined;
  const opened = useQuery({
    queryKey: keys.designer("open", name, version ?? "latest"),
    queryFn: () => {
      const draft = readDraft(name);
      return openDocument(name, version, draft?.deployed ? draft.graph : undefined);
    },
    // a document that is being drawn is never replaced behind the back of who draws it
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  if (opened.data) return <Open key={`${name}@${version ?? ""}`} opened={opened.data} name={name} />;
  if (opened.error) {
    return (
      <div className="page">
        <ErrorState
          title={`${name} could not be opened`}
          error={opened.error}
          action={
            <>
              <button type="button" className="button main" onClick={() => void opened.refetch()}>
                Try it again
              </button>
              <a className="button" href={links.definition(name, version)}>
                Show the definition
              </a>
            </>
          }
        />
      </div>
    );
  }
  return <Loading what={name === "" ? "the designer" : name} />;
}

function Open({ opened, name }: { opened: Opened; name: string }) {
  const [{ editor, draft }] = useState(() => {
    const found = readDraft(name);
    // a registered definition that was deployed from here is opened as it is registered
    const kept = found?.deployed && name !== "" ? undefined : found;
    return { editor: new Editor(opened.graph, kept?.graph, kept?.deployed), draft: kept };
  });
  return (
    <EditorContext value={editor}>
      <Workbench name={name} draftAt={draft && !draft.deployed ? draft.savedAt : undefined} />
    </EditorContext>
  );
}
