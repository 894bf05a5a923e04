import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";
import { memo, use, type ReactNode } from "react";
import { Link } from "react-router";
import { many, type Card } from "../../model/card";
import { duration } from "../../model/duration";
import { links } from "../../model/links";
import { StatusShape } from "../StatusMark";
import { useNow } from "../Time";
import { ActionsContext } from "./actions";
import { KindIcon } from "./KindIcon";
import { PartPicker } from "./PartPicker";

export type CardNode = Node<{ card: Card; selected: boolean; tab: boolean }>;

/** One task, or one folded construct. */
export const TaskCard = memo(function TaskCard({ id, data, ...ends }: NodeProps<CardNode>) {
  return (
    <Ends {...ends}>
      <div className={classes("dag-card", data.card, data.selected)}>
        <Face id={id} card={data.card} selected={data.selected} tab={data.tab} />
        {data.card.fold && <FoldBar id={id} card={data.card} tab={data.tab} />}
      </div>
    </Ends>
  );
});

/** What holds other tasks: a loop, a sub-workflow, a wide fork. Its title lies above them. */
export const ContainerCard = memo(function ContainerCard({ id, data, ...ends }: NodeProps<CardNode>) {
  return (
    <Ends {...ends}>
      <div className={classes("dag-container", data.card, data.selected)}>
        <div className="dag-head">
          <Face id={id} card={data.card} selected={data.selected} tab={data.tab} />
          <FoldBar id={id} card={data.card} tab={data.tab} />
        </div>
      </div>
    </Ends>
  );
});

/** Start, end, and words about what is on its way. */
export const Pill = memo(function Pill({ data, ...ends }: NodeProps<CardNode>) {
  return (
    <Ends {...ends}>
      <div className={data.card.kind === "wait" ? "dag-wait" : `dag-pill ${data.card.lit ? "" : "dag-dim"}`}>{data.card.title}</div>
    </Ends>
  );
});

function classes(base: string, card: Card, selected: boolean): string {
  return [base, `dag-${card.kind}`, card.status && `dag-tone-${card.status.tone}`, !card.lit && "dag-dim", selected && "dag-selected"]
    .filter(Boolean)
    .join(" ");
}

interface EndsProps extends Pick<NodeProps<CardNode>, "sourcePosition" | "targetPosition"> {
  children: ReactNode;
}

function Ends({ children, targetPosition = Position.Top, sourcePosition = Position.Bottom }: EndsProps) {
  return (
    <>
      <Handle type="target" position={targetPosition} isConnectable={false} />
      {children}
      <Handle type="source" position={sourcePosition} isConnectable={false} />
    </>
  );
}

interface Shown {
  id: string;
  card: Card;
  tab: boolean;
}

function Face({ id, card, selected, tab }: Shown & { selected: boolean }) {
  const actions = use(ActionsContext);
  const common = {
    className: "dag-face",
    "data-dag": id,
    tabIndex: tab ? 0 : -1,
    "aria-label": card.label,
    title: card.detail ? `${card.title}: ${card.detail}` : card.title,
    onFocus: () => actions.focused(id),
  };
  const inside = (
    <>
      <span className="dag-type">
        <KindIcon kind={card.kind} />
        {card.type}
        {card.optional && " · optional"}
      </span>
      <span className="dag-title">{card.title}</span>
      <StatusLine card={card} />
    </>
  );
  return (
    <button type="button" {...common} aria-current={selected || undefined} onClick={() => actions.select(card)}>
      {inside}
    </button>
  );
}

function StatusLine({ card }: { card: Card }) {
  // what folds has its detail in the bar below
  if (!card.status) return <span className="dag-status soft">{card.fold === null && card.detail}</span>;
  return (
    <span className={`dag-status tone-${card.status.tone}`}>
      <StatusShape status={card.status} size={11} />
      {card.status.label}
      {card.attempts > 1 && <span className="dag-attempts">{many(card.attempts, "attempt")}</span>}
      {card.took !== null && <span className="dag-took">{duration(card.took)}</span>}
      {card.since !== null && <Elapsed since={card.since} />}
    </span>
  );
}

/** Of what goes on: ticks by itself, so that the card need not be drawn again. */
function Elapsed({ since }: { since: number }) {
  const now = useNow();
  return <span className="dag-took">{duration(Math.floor(Math.max(0, now - since) / 1_000) * 1_000)}</span>;
}

function FoldBar({ id, card, tab }: Shown) {
  const actions = use(ActionsContext);
  const open = card.fold === "open";
  const tabIndex = tab ? 0 : -1;
  return (
    <div className="dag-bar nopan">
      <button
        type="button"
        className="dag-fold"
        tabIndex={tabIndex}
        aria-expanded={open}
        aria-label={`${open ? "Fold" : "Unfold"} ${card.title}`}
        onClick={() => actions.fold(id, !open)}
      >
        {open ? "▾" : "▸"}
      </button>
      <span className="dag-counts">
        {card.counts.slice(0, 5).map(({ status, count }) => (
          <span key={status.name} className={`dag-count tone-${status.tone}`} title={`${count.toLocaleString("en")} ${status.label.toLowerCase()}`}>
            <StatusShape status={status} size={10} />
            {count.toLocaleString("en")}
          </span>
        ))}
        {card.counts.length === 0 && <span className="soft">{card.detail}</span>}
      </span>
      {card.part && <PartPicker key={card.part.shown} title={card.title} part={card.part} tabIndex={tabIndex} onShow={(shown) => actions.show(id, shown)} />}
      {card.child && (
        <Link className="dag-open" tabIndex={tabIndex} to={links.run(card.child)} aria-label={`Open the run of ${card.title}`}>
          open ↗
        </Link>
      )}
    </div>
  );
}
