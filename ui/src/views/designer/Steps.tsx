import { StatusShape } from "../../widgets/StatusMark";
import type { Shape, Status, Tone } from "../../model/status";

export interface Step {
  title: string;
  state: "wait" | "run" | "good" | "bad" | "mute";
  note?: string;
}

const LOOKS: Readonly<Record<Step["state"], { shape: Shape; word: string }>> = {
  wait: { shape: "circle", word: "to come" },
  run: { shape: "ring", word: "under way" },
  good: { shape: "check", word: "done" },
  bad: { shape: "cross", word: "failed" },
  mute: { shape: "dash", word: "left out" },
};

const look = (state: Step["state"]): Status => {
  const { shape, word } = LOOKS[state];
  const tone: Tone = state;
  return { name: state, label: word, tone, shape, ended: state !== "run" && state !== "wait", verbs: [] };
};

/** How far something came, step by step. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  if (steps.length === 0) return null;
  return (
    <ol className="designer-steps" aria-label="Progress">
      {steps.map((step) => (
        <li key={step.title} className="row" aria-current={step.state === "run" ? "step" : undefined}>
          <StatusShape status={look(step.state)} />
          <span>{step.title}</span>
          <span className="soft">{step.note ?? look(step.state).label}</span>
        </li>
      ))}
    </ol>
  );
}
