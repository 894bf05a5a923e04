/** Files in the stores, by way of the ingestion service. */
import { useQuery } from "@tanstack/react-query";
import { jsonOrText } from "../../model/json";
import { ApiFailure } from "../client";
import { keys } from "../keys";
import { askIngestion, ingestion } from "../ingestion";

export interface Stored {
  uri: string;
  size: number;
  sha256?: string;
}

/** The buckets into which files may be put; the first is the usual one. */
export function useBuckets() {
  return useQuery({
    queryKey: keys.pipeline("buckets"),
    queryFn: async () => {
      const { buckets } = await askIngestion<{ buckets?: readonly (string | { name: string })[] }>("/buckets");
      return (buckets ?? []).map((bucket) => (typeof bucket === "string" ? bucket : bucket.name));
    },
    staleTime: 60_000,
  });
}

/** Uploads files; `told` hears how much has left. Answers what is stored. */
export async function uploadFiles(
  files: readonly File[],
  bucket: string,
  folder: string,
  told: (loaded: number, total: number) => void,
  signal: AbortSignal,
): Promise<Stored[]> {
  const query = new URLSearchParams();
  if (bucket !== "") query.set("bucket", bucket);
  if (folder !== "") query.set("folder", folder);
  const url = `${await ingestion()}/files?${query}`;
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  // fetch tells nothing of what has been sent
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.upload.onprogress = (event) => told(event.loaded, event.total);
    request.onerror = () => reject(new ApiFailure("The upload broke off: the ingestion service does not answer.", 0));
    request.onabort = () => reject(new ApiFailure("The upload was stopped.", 0));
    request.onload = () => {
      const said = jsonOrText(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(filesOf(said));
      else {
        const detail = (said as { detail?: unknown; message?: unknown } | null)?.detail ?? (said as { message?: unknown } | null)?.message;
        reject(new ApiFailure(typeof detail === "string" ? detail : `The service answered ${request.status}.`, request.status));
      }
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

function filesOf(said: unknown): Stored[] {
  const list = Array.isArray(said) ? said : ((said as { files?: unknown } | null)?.files ?? [said]);
  return (Array.isArray(list) ? list : []).filter((each): each is Stored => typeof (each as Stored | null)?.uri === "string");
}
