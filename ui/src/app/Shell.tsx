import { Suspense, useMemo, useState } from "react";
import { NavLink, Outlet, useNavigate } from "react-router";
import { links } from "../model/links";
import { Operations } from "../views/operations/Operations";
import { Loading } from "../widgets/Loading";
import { useCommands, type Command } from "./commands";
import { Notices } from "./Notices";
import { Palette } from "./Palette";
import { usePreferences, type Theme } from "./preferences";
import { Help } from "./Help";
import { useShortcuts } from "./shortcuts";
import "./shell.css";

const PLACES = [
  { to: links.runs(), title: "Runs", keys: "g r" },
  { to: links.definitions(), title: "Definitions", keys: "g d" },
  { to: links.designer(), title: "Designer", keys: "g e" },
  { to: links.queues(), title: "Queues", keys: "g q" },
  { to: links.events(), title: "Events", keys: "g v" },
  { to: links.pipeline(), title: "Pipeline", keys: "g p" },
  { to: links.plots(), title: "Plots", keys: "g t" },
] as const;

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

/** Header, navigation and what every page has: palette, help, notices. */
export function Shell() {
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const { theme, setTheme, utc, setUtc } = usePreferences();
  const navigate = useNavigate();
  useShortcuts();
  useCommands(
    useMemo<Command[]>(
      () => [
        { id: "app.palette", title: "Open the command palette", group: "Help", keys: "mod+k", run: () => setPalette(true) },
        { id: "app.help", title: "Show the keys", group: "Help", keys: "?", run: () => setHelp(true) },
        ...PLACES.map((place) => ({
          id: `go.${place.title.toLowerCase()}`,
          title: `Go to ${place.title.toLowerCase()}`,
          group: "Go to",
          keys: place.keys,
          run: () => void navigate(place.to),
        })),
        { id: "app.theme", title: `Change the theme (now ${theme})`, group: "View", run: () => setTheme(NEXT[theme]) },
        { id: "app.utc", title: utc ? "Show times in my time zone" : "Show times in UTC", group: "View", run: () => setUtc(!utc) },
        {
          id: "app.link",
          title: "Copy a link to this view",
          group: "View",
          keys: "mod+shift+l",
          run: () => void navigator.clipboard?.writeText(location.href),
        },
      ],
      [navigate, theme, setTheme, utc, setUtc],
    ),
  );
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="bar">
        <NavLink to={links.runs()} className="brand" aria-label="Podium, home">
          <img src="/icon.svg" alt="" width={20} height={20} />
          <span>Podium</span>
        </NavLink>
        <nav aria-label="Main">
          {PLACES.map((place) => (
            <NavLink key={place.to} to={place.to} end={place.to === "/"}>
              {place.title}
            </NavLink>
          ))}
          <a href="/swagger-ui/">API</a>
        </nav>
        <span className="grow" />
        <button type="button" className="button quiet" onClick={() => setPalette(true)} aria-keyshortcuts="Control+K">
          Search or run a command <kbd>Ctrl K</kbd>
        </button>
        <button
          type="button"
          className="button quiet"
          onClick={() => setTheme(NEXT[theme])}
          aria-label={`Theme: ${theme}. Change it`}
          title={`Theme: ${theme}`}
        >
          {theme === "dark" ? "☾" : theme === "light" ? "☀" : "◐"}
        </button>
      </header>
      <Notices />
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<Loading what="the view" />}>
          <Outlet />
        </Suspense>
      </main>
      <Palette open={palette} onOpenChange={setPalette} />
      <Operations />
      <Help open={help} onOpenChange={setHelp} />
    </div>
  );
}
