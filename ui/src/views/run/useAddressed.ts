import { useEffect } from "react";
import type { Parameters } from "../../model/foldsAddress";

/** Keeps what the address says of a state equal to the state, as far as an address can hold it. */
export function useAddressed<State>(state: State, addressed: State, text: (state: State) => Parameters, write: (state: State) => void): void {
  useEffect(() => {
    if (JSON.stringify(text(state)) !== JSON.stringify(text(addressed))) write(state);
  }, [state, addressed, text, write]);
}
