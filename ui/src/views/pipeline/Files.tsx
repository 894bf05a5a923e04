import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import { keys } from "../../api/keys";
import { useBuckets } from "../../api/queries/files";
import { fileLink, useFiles, type StoredFile } from "../../api/queries/pipeline";
import { counted } from "../../model/definitions";
import { bytes } from "../../model/duration";
import { Age } from "../../widgets/Age";
import { CopyId } from "../../widgets/CopyId";
import { DataTable, type Column } from "../../widgets/DataTable";
import { EmptyState } from "../../widgets/EmptyState";
import { ErrorState, words } from "../../widgets/ErrorState";
import { Filter } from "../../widgets/Filter";
import { Loading } from "../../widgets/Loading";
import { Time } from "../../widgets/Time";
import { useToast } from "../../widgets/Toast";
import { useParam } from "../../app/useParam";

const Upload = lazy(() => import("../designer/Upload"));
const keyOf = (file: StoredFile) => file.key;

/** The files of the stores that people may reach. */
export function Files() {
  const buckets = useBuckets();
  const [chosen, setBucket] = useParam("bucket");
  const [prefix, setPrefix] = useParam("prefix");
  const [uploads, setUploads] = useState(false);
  const queries = useQueryClient();
  const bucket = chosen || buckets.data?.[0];
  const files = useFiles(bucket, prefix);
  const toast = useToast();
  const columns = useMemo<Column<StoredFile>[]>(() => {
    const open = async (file: StoredFile) => {
      try {
        // what is saved leaves the page where it is
        location.assign(await fileLink(bucket ?? "", file.key));
      } catch (error) {
        toast({ text: `${file.key} could not be opened: ${words(error)}`, bad: true });
      }
    };
    return [
      { id: "key", title: "File", width: 420, cell: (file) => file.key },
      { id: "size", title: "Size", width: 90, numeric: true, cell: (file) => bytes(file.size) },
      { id: "modified", title: "Changed", width: 130, cell: (file) => <Time at={file.modified_seconds ? file.modified_seconds * 1_000 : null} /> },
      { id: "uri", title: "Address", width: 420, cell: (file) => <CopyId id={file.uri} what="address of the file" /> },
      {
        id: "open",
        title: "Do",
        width: 90,
        cell: (file) => (
          <button type="button" className="button quiet" onClick={() => void open(file)}>
            Fetch <span className="unseen">{file.key}</span>
          </button>
        ),
      },
    ];
  }, [bucket, toast]);
  if (buckets.error) return <ErrorState title="The buckets could not be read" error={buckets.error} />;
  if (!buckets.data) return <Loading what="the buckets" />;
  return (
    <>
      <div className="row">
        <label className="row">
          Bucket
          <select value={bucket} onChange={(event) => setBucket(event.target.value)}>
            {buckets.data.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <Filter label="Beginning of the name" value={prefix} onChange={setPrefix} {...(files.data ? { count: counted(files.data.length, files.data.length, "file") } : {})} />
        <button type="button" className="button" onClick={() => setUploads(true)}>
          Upload files
        </button>
        <span className="grow" />
        <Age at={files.dataUpdatedAt} failed={files.error} />
      </div>
      {files.data ? (
        <DataTable
          rows={files.data}
          columns={columns}
          rowId={keyOf}
          label={`Files of ${bucket}`}
          empty={<EmptyState title={prefix ? `No file of ${bucket} begins with ${prefix}` : `${bucket} holds no file`} />}
        />
      ) : files.error ? (
        <ErrorState title="The files could not be read" error={files.error} />
      ) : (
        <Loading what="the files" />
      )}
      {uploads && (
        <Suspense>
          <Upload
            onOpenChange={(open) => {
              setUploads(open);
              if (!open) void queries.invalidateQueries({ queryKey: keys.pipeline("files") });
            }}
          />
        </Suspense>
      )}
    </>
  );
}
