import { createContext } from "react";
import type { Card } from "../../model/card";

/** What cards may ask of the canvas; the same object as long as the canvas lives, so that cards need not be drawn again. */
export interface Actions {
  select: (card: Card) => void;
  fold: (id: string, open: boolean) => void;
  show: (id: string, part: number) => void;
  focused: (id: string) => void;
}
export const ActionsContext = createContext<Actions>({ select: () => {}, fold: () => {}, show: () => {}, focused: () => {} });
