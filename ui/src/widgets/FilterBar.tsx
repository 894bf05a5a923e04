import { Popover } from "radix-ui";
import { useEffect, useId, useMemo, useState, type ReactNode, type Ref } from "react";
import { completions } from "../model/complete";
import { describe, FIELDS, format, parse, valuesOf, without, withValues, type Clause, type Filter, type Op } from "../model/query";
import { describeWindow, LASTS, type Window } from "../model/search";
import { RUN_STATUSES } from "../model/status";
import { StatusShape } from "./StatusMark";
import "./FilterBar.css";

interface Props {
  filter: Filter;
  onFilter: (filter: Filter) => void;
  window: Window;
  onWindow: (window: Window) => void;
  /** How many runs have each status; absent while it is not known. */
  counts?: Readonly<Record<string, number>> | undefined;
  /** The counts are lower bounds. */
  atLeast?: boolean;
  workflows: readonly string[];
  /** The text field, for a key that goes there. */
  field?: Ref<HTMLInputElement>;
  children?: ReactNode;
}

/** Time window first, then statuses with their counts, then the filter as text and as chips: two forms of one thing. */
export function FilterBar(props: Props) {
  const { filter, onFilter } = props;
  return (
    <section className="filterbar" aria-label="Filters">
      <div className="row">
        <WindowChoice {...props} />
        <StatusChoice {...props} />
        <label className="row">
          <input
            type="checkbox"
            checked={valuesOf(filter, "top")[0] === "yes"}
            onChange={(event) => onFilter(event.target.checked ? withValues(without(filter, "top"), "top", ["yes"]) : without(filter, "top"))}
          />
          Top-level only
        </label>
      </div>
      <div className="row">
        <WorkflowChoice {...props} />
        <TextForm {...props} />
        <AddFilter {...props} />
        {props.children}
      </div>
      <Chips filter={filter} onFilter={onFilter} />
    </section>
  );
}

function WindowChoice({ window, onWindow }: Props) {
  const [open, setOpen] = useState(false);
  const last = window.kind === "last" ? window.ms : undefined;
  return (
    <div className="filterbar-set" role="group" aria-label="Time window">
      {LASTS.map((each) => (
        <button
          key={each.name}
          type="button"
          aria-label={`Last ${each.label}`}
          aria-pressed={last === each.ms}
          onClick={() => onWindow({ kind: "last", ms: each.ms })}
        >
          {each.label}
        </button>
      ))}
      <button type="button" aria-label="All times" aria-pressed={window.kind === "all"} onClick={() => onWindow({ kind: "all" })}>
        All
      </button>
      <Popover.Root open={open} onOpenChange={setOpen}>
        <Popover.Trigger asChild>
          <button type="button" aria-pressed={window.kind === "range"}>
            {window.kind === "range" ? describeWindow(window) : "Range …"}
          </button>
        </Popover.Trigger>
        <Popover.Portal>
          <Popover.Content className="popover column" align="start" sideOffset={4} aria-label="Time range">
            <RangeForm
              window={window}
              onWindow={(next) => {
                setOpen(false);
                onWindow(next);
              }}
            />
          </Popover.Content>
        </Popover.Portal>
      </Popover.Root>
    </div>
  );
}

/** As a field for local times takes it. */
function local(at: number | undefined): string {
  if (at === undefined) return "";
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 16);
}

function RangeForm({ window, onWindow }: Pick<Props, "window" | "onWindow">) {
  const now = Date.now();
  const [from, setFrom] = useState(() => local(window.kind === "range" ? window.from : window.kind === "last" ? now - window.ms : undefined));
  const [to, setTo] = useState(() => local(window.kind === "range" ? window.to : undefined));
  const [begin, end] = [from ? Date.parse(from) : undefined, to ? Date.parse(to) : undefined];
  const wrong = begin !== undefined && end !== undefined && begin > end ? "The end is before the beginning." : undefined;
  return (
    <form
      className="column"
      onSubmit={(event) => {
        event.preventDefault();
        if (wrong === undefined && (begin ?? end) !== undefined)
          onWindow({ kind: "range", ...(begin === undefined ? {} : { from: begin }), ...(end === undefined ? {} : { to: end }) });
      }}
    >
      <label className="field">
        Started from
        <input type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />
      </label>
      <label className="field">
        Started before
        <input type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} />
        <span className="help">Your time zone. An empty end is open.</span>
        {wrong && <span className="wrong">{wrong}</span>}
      </label>
      <button type="submit" className="button main" disabled={wrong !== undefined || (from === "" && to === "")}>
        Show this range
      </button>
    </form>
  );
}

function StatusChoice({ filter, onFilter, counts, atLeast }: Props) {
  const chosen = valuesOf(filter, "status");
  const toggle = (name: string) =>
    onFilter(withValues(filter, "status", chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]));
  return (
    <div className="filterbar-set" role="group" aria-label="Statuses">
      {RUN_STATUSES.map((status) => {
        const count = counts?.[status.name];
        return (
          <button key={status.name} type="button" aria-pressed={chosen.includes(status.name)} onClick={() => toggle(status.name)}>
            <StatusShape status={status} /> {status.label}{" "}
            <span className="filterbar-count">
              {count === undefined ? "–" : count.toLocaleString("en")}
              {count !== undefined && atLeast ? "+" : ""}
            </span>
          </button>
        );
      })}
    </div>
  );
}

/** The most used filter has a field of its own. It is one value of the same filter. */
function WorkflowChoice({ filter, onFilter, workflows }: Props) {
  const list = useId();
  const named = valuesOf(filter, "workflow");
  const known = named.join(", ");
  const [draft, setDraft] = useState(known);
  const [seen, setSeen] = useState(known);
  if (seen !== known) {
    setSeen(known);
    setDraft(known);
  }
  const apply = (text: string) => {
    if (text !== known) onFilter(withValues(filter, "workflow", text.trim() === "" ? [] : [text.trim()]));
  };
  return (
    <>
      <input
        type="search"
        className="filterbar-workflow"
        aria-label="Workflow name"
        placeholder="Any workflow"
        list={list}
        value={draft}
        onChange={(event) => {
          setDraft(event.target.value);
          if (event.target.value === "" || workflows.includes(event.target.value)) apply(event.target.value);
        }}
        onBlur={() => apply(draft)}
        onKeyDown={(event) => event.key === "Enter" && apply(draft)}
      />
      <datalist id={list}>
        {workflows.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

function TextForm({ filter, onFilter, workflows, field }: Props) {
  const [list, problem] = [useId(), useId()];
  const text = format(filter);
  const [draft, setDraft] = useState(text);
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    setDraft(text);
    setAsked(false);
  }, [text]);
  const read = useMemo(() => parse(draft), [draft]);
  const offers = useMemo(() => completions(draft, workflows), [draft, workflows]);
  // half of a filter would show more than was asked for: it is applied when all of it can be read
  const apply = () => {
    setAsked(true);
    if (read.problems.length === 0) onFilter(read.filter);
  };
  return (
    <form
      className="grow filterbar-text"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <input
        ref={field}
        type="search"
        aria-label="Filter as text"
        aria-keyshortcuts="/"
        placeholder='Words, or status:FAILED workflow:order took:>5m reason:"no route"   ( / )'
        list={list}
        value={draft}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={asked && read.problems.length > 0}
        aria-describedby={problem}
        onChange={(event) => {
          setDraft(event.target.value);
          if (event.target.value === "") onFilter({ clauses: [], words: "" });
        }}
        onBlur={apply}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          setDraft(text);
          event.currentTarget.blur();
        }}
      />
      <datalist id={list}>
        {offers.map((offer) => (
          <option key={offer} value={offer} />
        ))}
      </datalist>
      <div id={problem} role="alert" className="filterbar-problems">
        {asked && read.problems.map((each) => <p key={each.at}>Not applied: {each.message}.</p>)}
      </div>
    </form>
  );
}

function Chips({ filter, onFilter }: Pick<Props, "filter" | "onFilter">) {
  if (filter.clauses.length === 0 && filter.words === "") return null;
  const take = (gone: Clause) => onFilter({ ...filter, clauses: filter.clauses.filter((each) => each !== gone) });
  return (
    <ul className="filterbar-chips" aria-label="Filters in use">
      {filter.clauses.map((each, i) => (
        <Chip key={`${i} ${each.field}`} text={describe(each)} onRemove={() => take(each)} />
      ))}
      {filter.words !== "" && <Chip text={`Text: ${filter.words}`} onRemove={() => onFilter({ ...filter, words: "" })} />}
      <li>
        <button type="button" className="button quiet" onClick={() => onFilter({ clauses: [], words: "" })}>
          Clear all filters
        </button>
      </li>
    </ul>
  );
}

function Chip({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <li className="filterbar-chip">
      <span className="cut" title={text}>
        {text}
      </span>
      <button type="button" aria-label={`Remove the filter ${text}`} onClick={onRemove}>
        ✕
      </button>
    </li>
  );
}

const OPS: readonly { value: string; label: string; op: Op; not: boolean; compares: boolean }[] = [
  { value: "is", label: "is", op: "is", not: false, compares: false },
  { value: "not", label: "is not", op: "is", not: true, compares: false },
  { value: ">", label: "more than", op: ">", not: false, compares: true },
  { value: "<", label: "less than", op: "<", not: false, compares: true },
  { value: "none", label: "is absent", op: "none", not: false, compares: false },
  { value: "any", label: "is there", op: "any", not: false, compares: false },
];

function AddFilter({ filter, onFilter, workflows }: Props) {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("correlation");
  const [how, setHow] = useState("is");
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState<string>();
  const list = useId();
  const field = FIELDS.find((each) => each.name === name);
  const compares = field?.kind === "int" || field?.kind === "time" || field?.kind === "duration";
  const ops = OPS.filter((each) => !each.compares || compares);
  const chosen = ops.find((each) => each.value === how) ?? ops[0];
  const valueless = chosen?.op === "none" || chosen?.op === "any";
  const add = () => {
    if (!chosen) return;
    const made = { field: name, not: chosen.not, op: chosen.op, values: valueless ? [] : [text.trim()] };
    const read = parse(format({ clauses: [made], words: "" }));
    const problem = read.problems[0];
    setWrong(problem?.message);
    if (problem) return;
    onFilter({ ...filter, clauses: [...filter.clauses, ...read.filter.clauses] });
    setText("");
    setOpen(false);
  };
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <button type="button" className="button">
          Add a filter
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="popover" align="end" sideOffset={4} aria-label="Add a filter">
          <form
            className="column"
            onSubmit={(event) => {
              event.preventDefault();
              add();
            }}
          >
            <div className="row">
              <label className="field">
                Field
                <select value={name} onChange={(event) => setName(event.target.value)}>
                  {FIELDS.map((each) => (
                    <option key={each.name} value={each.name}>
                      {each.label}
                    </option>
                  ))}
                </select>
              </label>
              <label className="field">
                Test
                <select value={chosen?.value} onChange={(event) => setHow(event.target.value)}>
                  {ops.map((each) => (
                    <option key={each.value} value={each.value}>
                      {each.label}
                    </option>
                  ))}
                </select>
              </label>
              {!valueless && (
                <label className="field">
                  Value
                  <input value={text} list={list} onChange={(event) => setText(event.target.value)} />
                </label>
              )}
            </div>
            <datalist id={list}>
              {(name === "workflow" ? workflows : name === "status" ? RUN_STATUSES.map((each) => each.name) : []).map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
            <p className="soft">{field?.hint}</p>
            {wrong && (
              <p className="wrong" role="alert">
                {wrong}
              </p>
            )}
            <button type="submit" className="button main">
              Add this filter
            </button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
