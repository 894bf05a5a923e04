import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useId, useMemo, useRef, useState } from "react";
import { bytes } from "../model/duration";
import { jsonLines, LARGE, pretty, preview, type JsonLine } from "../model/json";
import { useListKeys } from "./activeList";
import { Code } from "./Code";
import { CopyGlyph } from "./CopyGlyph";
import "./json.css";

interface Props {
  value: unknown;
  /** Names the tree, for instance "Output of charge_card". */
  label: string;
  /** What stands before the path in a template, for instance `charge_card.output`: then paths can be copied. */
  path?: string;
  /** Told after a path was copied. */
  onCopyPath?: (template: string) => void;
  /** Bytes, if known: a large text is built when it is asked for. */
  size?: number;
}

const ROW = 22;

/** A JSON value as a tree, or as text. Only what is seen is drawn, so megabytes are no trouble. */
export function JsonView({ value, label, path, onCopyPath, size }: Props) {
  const [mode, setMode] = useState<"tree" | "text">("tree");
  return (
    <div className="json">
      <div className="row json-bar">
        <div role="group" aria-label={`Show ${label} as`} className="switch">
          {(["tree", "text"] as const).map((each) => (
            <button key={each} type="button" aria-pressed={mode === each} onClick={() => setMode(each)}>
              {each === "tree" ? "Tree" : "Text"}
            </button>
          ))}
        </div>
        <CopyValue value={value} label={label} />
        {size !== undefined && size > 0 && <span className="soft number grow">{bytes(size)}</span>}
      </div>
      {mode === "tree" ? (
        <Tree value={value} label={label} path={path} onCopyPath={onCopyPath} />
      ) : (
        <Text value={value} label={label} large={(size ?? 0) > LARGE} />
      )}
    </div>
  );
}

function CopyValue({ value, label }: { value: unknown; label: string }) {
  const [said, setSaid] = useState("");
  const copy = () => {
    void navigator.clipboard?.writeText(pretty(value)).then(() => {
      setSaid("Copied");
      window.setTimeout(() => setSaid(""), 1_500);
    });
  };
  return (
    <>
      <button type="button" className="copy" aria-label={`Copy ${label}`} title="Copy the whole value" onClick={copy}>
        <CopyGlyph done={said !== ""} />
      </button>
      <span className="unseen" role="status">
        {said}
      </span>
    </>
  );
}

function Text({ value, label, large }: { value: unknown; label: string; large: boolean }) {
  const text = useMemo(() => pretty(value), [value]);
  // a short text needs no editor to be fetched
  return text.length < 2_000 && !large ? <pre className="json-text">{text}</pre> : <Code value={text} readOnly label={label} />;
}

function Tree({ value, label, path, onCopyPath }: Pick<Props, "value" | "label" | "path" | "onCopyPath">) {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState(-1);
  const [whole, setWhole] = useState<JsonLine>();
  const [said, setSaid] = useState("");
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const lines = useMemo(() => jsonLines(value, toggled), [value, toggled]);
  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 20 });
  const toggle = useCallback((at: string) => {
    setToggled((before) => {
      const next = new Set(before);
      if (!next.delete(at)) next.add(at);
      return next;
    });
  }, []);
  const copy = (line: JsonLine) => {
    const template = `\${${path}${line.path}}`;
    void navigator.clipboard?.writeText(template).then(() => {
      setSaid(`Copied ${template}`);
      onCopyPath?.(template);
    });
  };
  const open = (row: number) => {
    const line = lines[row];
    if (!line) return;
    if (line.size > 0) toggle(line.path);
    else if (line.kind === "string") setWhole(line);
  };
  const keys = useListKeys({
    count: lines.length,
    active,
    onActive: setActive,
    scrollTo: (row) => virtual.scrollToIndex(row),
    onOpen: open,
    onFold: (row, wanted) => {
      const line = lines[row];
      if (!line) return;
      if (line.size > 0 && line.open !== wanted) toggle(line.path);
      else if (!wanted) setActive(Math.max(0, lines.findLastIndex((each, i) => i < row && each.depth < line.depth)));
    },
  });
  return (
    <>
      <div
        ref={scroller}
        className="json-tree"
        role="tree"
        tabIndex={0}
        aria-label={label}
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        onKeyDown={(event) => {
          const line = lines[active];
          if (event.key === "c" && !event.ctrlKey && !event.metaKey && line && path !== undefined) {
            event.preventDefault();
            copy(line);
          } else keys(event);
        }}
        onFocus={() => setActive((row) => Math.max(0, row))}
      >
        <div role="presentation" className="json-all" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (!line) return null;
            return (
              // the tree has the keys (activedescendant); a click on a row is the short way of the mouse
              // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
              <div
                key={line.path}
                id={`${id}-${item.index}`}
                role="treeitem"
                aria-level={line.depth + 1}
                aria-posinset={line.position}
                aria-setsize={line.siblings}
                aria-expanded={line.size > 0 ? line.open : undefined}
                aria-selected={item.index === active}
                className="json-line"
                style={{ transform: `translateY(${item.start}px)`, paddingLeft: 4 + line.depth * 14 }}
                onClick={() => {
                  setActive(item.index);
                  if (line.size > 0) toggle(line.path);
                }}
              >
                <Line line={line} />
                {line.kind === "string" && (line.value as string).length > 120 && (
                  <button type="button" className="json-more" tabIndex={-1} onClick={() => setWhole(line)}>
                    whole text ({bytes((line.value as string).length)})
                  </button>
                )}
                {path !== undefined && (
                  <button
                    type="button"
                    className="copy json-path"
                    tabIndex={-1}
                    title={`Copy \${${path}${line.path}} (key c)`}
                    aria-label={`Copy the path of ${line.key ?? label}`}
                    onClick={(event) => {
                      event.stopPropagation();
                      copy(line);
                    }}
                  >
                    <CopyGlyph done={false} />
                  </button>
                )}
              </div>
            );
          })}
        </div>
      </div>
      {whole && (
        <section className="json-whole" aria-label={`Whole text of ${whole.path}`}>
          <div className="row">
            <code className="grow cut">{whole.path}</code>
            <button type="button" className="button quiet" onClick={() => setWhole(undefined)}>
              Close the text
            </button>
          </div>
          <Code value={String(whole.value)} language="text" readOnly label={`Text at ${whole.path}`} height="auto" />
        </section>
      )}
      <span className="unseen" role="status">
        {said}
      </span>
    </>
  );
}

function Line({ line }: { line: JsonLine }) {
  return (
    <>
      <span className="json-fold" aria-hidden="true">
        {line.size > 0 ? (line.open ? "▾" : "▸") : ""}
      </span>
      {line.key !== null && <span className="json-key">{line.key}:&nbsp;</span>}
      {line.size > 0 && line.open ? (
        <span className="soft">{line.kind === "array" ? `[ ${line.size}` : `{ ${line.size}`}</span>
      ) : (
        <span className={`json-${line.kind}`}>{preview(line.value)}</span>
      )}
    </>
  );
}
