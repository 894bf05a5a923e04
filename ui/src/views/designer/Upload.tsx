import { useState } from "react";
import { uploadFiles, useBuckets, type Stored } from "../../api/queries/files";
import { bytes } from "../../model/duration";
import { Dialog } from "../../widgets/Dialog";
import { words } from "../../widgets/ErrorState";

interface Props {
  onOpenChange: (open: boolean) => void;
  /** The address of the file that is put into a field; without it files are only uploaded. */
  onChosen?: (uri: string) => void;
}

/** Puts files into a store, with progress; one of them can become the value of a field. */
export default function Upload({ onOpenChange, onChosen }: Props) {
  const buckets = useBuckets();
  const [bucket, setBucket] = useState("");
  const [folder, setFolder] = useState("");
  const [files, setFiles] = useState<readonly File[]>([]);
  const [sent, setSent] = useState<{ loaded: number; total: number } | undefined>();
  const [stored, setStored] = useState<readonly Stored[]>([]);
  const [wrong, setWrong] = useState<string | undefined>();
  const [stop, setStop] = useState<AbortController | undefined>();
  const send = async () => {
    const controller = new AbortController();
    setStop(controller);
    setWrong(undefined);
    setSent({ loaded: 0, total: files.reduce((sum, file) => sum + file.size, 0) });
    try {
      const done = await uploadFiles(files, bucket, folder, (loaded, total) => setSent({ loaded, total }), controller.signal);
      setStored((before) => [...done, ...before]);
      setFiles([]);
    } catch (error) {
      setWrong(controller.signal.aborted ? "Stopped; nothing of it is kept that was not complete." : words(error));
    } finally {
      setStop(undefined);
      setSent(undefined);
    }
  };
  const percent = sent && sent.total > 0 ? Math.floor((sent.loaded / sent.total) * 100) : 0;
  return (
    <Dialog open onOpenChange={onOpenChange} title="Upload files">
      <form
        className="column"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <div className="field">
          <label htmlFor="upload-files">Files</label>
          <input id="upload-files" type="file" multiple onChange={(event) => setFiles([...(event.target.files ?? [])])} />
        </div>
        <div className="field">
          <label htmlFor="upload-bucket">Bucket</label>
          {buckets.data && buckets.data.length > 0 ? (
            <select id="upload-bucket" value={bucket} onChange={(event) => setBucket(event.target.value)}>
              <option value="">The usual one ({buckets.data[0]})</option>
              {buckets.data.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          ) : (
            <input id="upload-bucket" type="text" value={bucket} placeholder="The usual one" onChange={(event) => setBucket(event.target.value)} />
          )}
        </div>
        <div className="field">
          <label htmlFor="upload-folder">Folder</label>
          <input id="upload-folder" type="text" value={folder} onChange={(event) => setFolder(event.target.value)} />
        </div>
        <div className="row">
          <button type="submit" className="button main" disabled={files.length === 0 || stop !== undefined}>
            Upload {files.length > 1 ? `${files.length} files` : "the file"}
          </button>
          {stop && (
            <button type="button" className="button" onClick={() => stop.abort()}>
              Stop the upload
            </button>
          )}
          {sent && (
            <>
              <progress value={sent.loaded} max={sent.total} aria-label="Uploaded" />
              <span className="soft" role="status">
                {percent} % of {bytes(sent.total)}
              </span>
            </>
          )}
        </div>
      </form>
      {wrong && (
        <p role="alert" className="designer-wrong">
          {wrong}
        </p>
      )}
      {stored.length > 0 && (
        <ul className="designer-stored" aria-label="Uploaded files">
          {stored.map((file) => (
            <li key={file.uri} className="row">
              <code className="grow cut" title={file.uri}>
                {file.uri}
              </code>
              <span className="soft">{bytes(file.size)}</span>
              {onChosen && (
                <button
                  type="button"
                  className="button"
                  onClick={() => {
                    onChosen(file.uri);
                    onOpenChange(false);
                  }}
                >
                  Use it
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
