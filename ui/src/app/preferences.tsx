/** What one viewer chose, kept in this browser. */
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import { UtcContext } from "../widgets/Time";

export type Theme = "light" | "dark" | "system";
interface Preferences {
  theme: Theme;
  setTheme: (theme: Theme) => void;
  utc: boolean;
  setUtc: (utc: boolean) => void;
}

const Context = createContext<Preferences | null>(null);
const THEME = "podium.theme";
const UTC = "podium.utc";

/** A browser may refuse storage: then choices last as long as the page. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
export function remember(key: string, value: string | null): boolean {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [theme, chooseTheme] = useState<Theme>(() => {
    const kept = remembered(THEME);
    return kept === "dark" || kept === "light" ? kept : "system";
  });
  const [utc, chooseUtc] = useState(() => remembered(UTC) === "yes");
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const paint = () => {
      document.documentElement.dataset["theme"] = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
    };
    paint();
    dark.addEventListener("change", paint);
    return () => dark.removeEventListener("change", paint);
  }, [theme]);
  const setTheme = useCallback((next: Theme) => {
    remember(THEME, next === "system" ? null : next);
    chooseTheme(next);
  }, []);
  const setUtc = useCallback((next: boolean) => {
    remember(UTC, next ? "yes" : null);
    chooseUtc(next);
  }, []);
  const value = useMemo(() => ({ theme, setTheme, utc, setUtc }), [theme, setTheme, utc, setUtc]);
  return (
    <Context value={value}>
      <UtcContext value={utc}>{children}</UtcContext>
    </Context>
  );
}

export function usePreferences(): Preferences {
  const found = use(Context);
  if (!found) throw new Error("usePreferences is used outside of PreferencesProvider");
  return found;
}
