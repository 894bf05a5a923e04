import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { keys } from "../../api/keys";
import { liveUrl, useLive } from "../../api/live";
import { perform, previewOf } from "../../api/queries/operations";
import { deed, DONE, GRAVE, sameImpact, TITLES, type Impact } from "../../model/impact";
import { links } from "../../model/links";
import { CopyId } from "../../widgets/CopyId";
import { Dialog } from "../../widgets/Dialog";
import { words } from "../../widgets/ErrorState";
import { ImpactPreview } from "../../widgets/ImpactPreview";
import { Loading } from "../../widgets/Loading";
import { useToast } from "../../widgets/Toast";
import { dismiss, type Asked } from "./asked";
import { draftOf, editsOf } from "./draft";
import { Fields, missing } from "./Fields";
import "./operations.css";

/**
 * One operation: how, what it would do, and one button that says so. What was read is what is done: if the run changed since, the new preview is
 * shown first, and the button waits for it to be taken note of.
 */
export default function OperationDialog({ asked }: { asked: Asked }) {
  const { verb, workflowId } = asked;
  const [draft, setDraft] = useState(() => draftOf(asked));
  const [shown, setShown] = useState<{ key: string; impact: Impact }>();
  const [refusal, setRefusal] = useState<string>();
  const [busy, setBusy] = useState(false);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const toast = useToast();
  useLive(liveUrl(workflowId), ["run", "gone"], [keys.run(workflowId)]);

  const edits = editsOf(draft);
  const lacks = missing(verb, draft);
  const { resumeChildren, latestDefinition, archive, status, task } = draft;
  const key = JSON.stringify({ resumeChildren, latestDefinition, archive, status, task });
  const preview = useQuery({
    queryKey: keys.runPart(workflowId, "preview", verb, key),
    // texts that are being typed change what tasks get, not which of them run
    queryFn: ({ signal }) => previewOf(verb, workflowId, draft, {}, signal),
    enabled: lacks === undefined,
    retry: false,
    // an old preview is no preview
    gcTime: 0,
    staleTime: 0,
  });
  if (preview.data && shown?.key !== key) setShown({ key, impact: preview.data });
  const impact = shown?.key === key ? shown.impact : undefined;
  const changed = impact !== undefined && preview.data !== undefined && !sameImpact(impact, preview.data);
  const refused = preview.error ? words(preview.error) : undefined;

  const act = async (read: Impact, sent: NonNullable<typeof edits>) => {
    setBusy(true);
    setRefusal(undefined);
    try {
      const now = await previewOf(verb, workflowId, draft, {});
      if (!sameImpact(read, now)) {
        queries.setQueryData(keys.runPart(workflowId, "preview", verb, key), now);
        return;
      }
      await perform(verb, workflowId, draft, sent);
      toast({ text: DONE[verb], action: { title: "Open the run", run: () => void navigate(links.run(workflowId)) } });
      dismiss();
    } catch (error) {
      setRefusal(words(error));
    } finally {
      setBusy(false);
      void queries.invalidateQueries({ queryKey: keys.run(workflowId) });
      void queries.invalidateQueries({ queryKey: keys.runs });
    }
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => open || dismiss()}
      title={TITLES[verb]}
      description="What it would do, as the run is now. Nothing is done before you press the button."
      width={720}
    >
      <form
        className="column"
        onSubmit={(event) => {
          event.preventDefault();
          if (impact && edits && !busy && !changed && refused === undefined) void act(impact, edits);
        }}
      >
        <p>
          Run <CopyId id={workflowId} what="workflow id" />
        </p>
        <Fields asked={asked} draft={draft} onChange={(part) => setDraft((before) => ({ ...before, ...part }))} />
        {lacks === undefined && (
          <div aria-live="polite" className="column">
            {refused !== undefined ? (
              <p className="operation-refused" role="alert">
                {refused}
              </p>
            ) : impact ? (
              <ImpactPreview
                impact={impact}
                asked={workflowId}
                runLink={(id) => (
                  <Link to={links.run(id)} onClick={dismiss}>
                    <code>{id}</code>
                  </Link>
                )}
              />
            ) : (
              <Loading what="what it would do" />
            )}
          </div>
        )}
        {changed && refused === undefined && (
          <div className="banner warn" role="alert">
            <span className="grow">The run has changed since this preview was made. Nothing was done.</span>
            <button type="button" className="button" onClick={() => preview.data && setShown({ key, impact: preview.data })}>
              Show the new preview
            </button>
          </div>
        )}
        {refusal !== undefined && (
          <p className="operation-refused" role="alert">
            Refused: {refusal}
          </p>
        )}
        <div className="row operation-end">
          <button type="button" className="button" onClick={dismiss}>
            Leave it as it is
          </button>
          <button
            type="submit"
            className={`button ${GRAVE.has(verb) ? "danger" : "main"}`}
            disabled={!impact || !edits || busy || changed || refused !== undefined || lacks !== undefined}
          >
            {lacks ?? (impact && refused === undefined ? deed(verb, impact, draft) : TITLES[verb])}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
