import { lazy, Suspense, useState } from "react";

const Upload = lazy(() => import("./Upload"));

interface Props {
  id: string;
  value: string;
  onChange: (text: string) => void;
}

/** The address of an object, typed or of a file that is uploaded here. */
export function UriInput({ value, onChange, ...rest }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <div className="row">
      <input
        type="text"
        className="grow mono"
        {...rest}
        value={value}
        placeholder="minio://bucket/key or s3://bucket/key"
        onChange={(event) => onChange(event.target.value)}
      />
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Upload …
      </button>
      {open && (
        <Suspense>
          <Upload onOpenChange={setOpen} onChosen={onChange} />
        </Suspense>
      )}
    </div>
  );
}
