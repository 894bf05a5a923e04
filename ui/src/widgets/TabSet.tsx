import { Tabs } from "radix-ui";
import type { ComponentType } from "react";
import "./widgets.css";

export interface TabView {
  name: string;
  title: string;
  view: ComponentType;
}

/** The tab of that name, else the first: an address may hold anything. */
const chosen = (tabs: readonly TabView[], name: string): string => (tabs.some((tab) => tab.name === name) ? name : (tabs[0]?.name ?? ""));

/** Views beside each other, one of which is shown; it takes the height that is left. */
export function TabSet({ label, tabs, value, onChange }: { label: string; tabs: readonly TabView[]; value: string; onChange: (name: string) => void }) {
  return (
    <Tabs.Root value={chosen(tabs, value)} onValueChange={onChange} className="whole-part">
      <Tabs.List className="tabs" aria-label={label}>
        {tabs.map((tab) => (
          <Tabs.Trigger key={tab.name} value={tab.name} className="tab">
            {tab.title}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {tabs.map((tab) => (
        <Tabs.Content key={tab.name} value={tab.name} className="whole-part" tabIndex={-1}>
          <tab.view />
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}
