/** Every view in both themes: accessible, without complaint; and the pictures of the documentation. */
import { beforeAll, describe } from "vitest";
import { accessible, it } from "./support/browser";
import { becomes, call, define, fresh, simple, start, work } from "./support/engine";
import { shown } from "./support/pictures";

let id: string;
let name: string;
beforeAll(async () => {
  const [reserve, charge] = [fresh("reserve_room"), fresh("charge_card")];
  await call("POST", "/api/metadata/taskdefs", [
    { name: charge, retryCount: 1, retryDelaySeconds: 0, timeoutSeconds: 0, responseTimeoutSeconds: 600, ownerEmail: "tests@example.com" },
  ]);
  const wait = { name: "cool_down", taskReferenceName: "cool_down", type: "WAIT", inputParameters: { duration: "2 hours" } };
  const branches = [[simple(reserve)], [simple(charge)], [wait]];
  name = await define({
    name: fresh("booking"),
    description: "Books a room and charges a card",
    tasks: [
      { name: "side_by_side", taskReferenceName: "side_by_side", type: "FORK_JOIN", forkTasks: branches },
      { name: "both", taskReferenceName: "both", type: "JOIN", joinOn: [reserve, charge, "cool_down"] },
    ],
  });
  id = await start(name, { room: 7 });
  await work(reserve, "COMPLETED", { room: 7 });
  await work(charge, "FAILED", {}, { reasonForIncompletion: "the bank did not answer" });
  const other = await start(name, { room: 8 });
  await work(charge, "FAILED_WITH_TERMINAL_ERROR", {}, { reasonForIncompletion: "the card was refused" });
  await Promise.any([becomes(id, "FAILED"), becomes(other, "FAILED")]);
  const handler = {
    name: fresh("on_booked"),
    event: `conductor:${name}:booked`,
    condition: "$.room > 3",
    actions: [{ action: "start_workflow", start_workflow: { name, input: { room: "${room}" } } }],
    active: true,
  };
  await call("POST", "/api/event", handler);
});

/** Their pictures are made where they are full: by the tests of the pipeline and of events. */
const EMPTY_HERE: readonly string[] = ["event-executions", "early-events", "refused-events", "dag-runs", "files", "statistics", "deployments"];
const VIEWS: readonly { view: string; path: () => string; ready: string }[] = [
  { view: "runs", path: () => "/", ready: "booking" },
  { view: "run-diagram", path: () => `/runs/${id}?view=diagram`, ready: "charge_card" },
  { view: "run-timeline", path: () => `/runs/${id}?view=timeline`, ready: "charge_card" },
  { view: "run-tasks", path: () => `/runs/${id}?view=tasks`, ready: "charge_card" },
  { view: "run-json", path: () => `/runs/${id}?view=json`, ready: "workflowId" },
  { view: "run-account", path: () => `/runs/${id}?view=account`, ready: "Account" },
  { view: "definitions", path: () => "/definitions", ready: "booking" },
  { view: "definition", path: () => `/definitions/${name}`, ready: "booking" },
  { view: "definition-diagram", path: () => `/definitions/${name}?tab=diagram`, ready: "both" },
  { view: "task-definitions", path: () => "/definitions?tab=tasks", ready: "charge_card" },
  { view: "schedules", path: () => "/definitions?tab=schedules", ready: "chedule" },
  { view: "designer-empty", path: () => "/designer", ready: "Draw a pipeline" },
  { view: "designer-open", path: () => `/designer?name=${name}`, ready: "charge_card" },
  { view: "queues", path: () => "/queues", ready: "charge_card" },
  { view: "events", path: () => "/events", ready: "on_booked" },
  { view: "event-executions", path: () => "/events?tab=executions", ready: "andler" },
  { view: "early-events", path: () => "/events?tab=parked", ready: "event" },
  { view: "refused-events", path: () => "/events?tab=dead", ready: "event" },
  { view: "dag-runs", path: () => "/pipeline", ready: "DAG" },
  { view: "files", path: () => "/pipeline?tab=files", ready: "raw-data" },
  { view: "statistics", path: () => "/pipeline?tab=statistics", ready: "tatistic" },
  { view: "deployments", path: () => "/pipeline?tab=deployments", ready: "eploy" },
  { view: "plots", path: () => "/plots", ready: "Runs by when they began" },
  { view: "not-there", path: () => "/runs/none", ready: "There is no such run" },
];

describe("every view", () => {
  for (const { view, path, ready } of VIEWS) {
    it(view, async ({ open }) => {
      const page = await open();
      await page.goto(path());
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      await page.getByText(ready).filter({ visible: true }).first().waitFor();
      await page.getByText(/^Loading /).first().waitFor({ state: "hidden" });
      if (!EMPTY_HERE.includes(view)) await shown(page, view);
      await accessible(page, `${view} in light`);
      await page.emulateMedia({ colorScheme: "dark" });
      await page.locator(":root[data-theme=dark]").waitFor();
      await accessible(page, `${view} in dark`);
    });
  }
});
