/** The views of events with real ones in them: handled, too early, refused and sent again. */
import { describe, expect } from "vitest";
import { accessible, it } from "./support/browser";
import { becomes, call, define, fresh, simple, start, work, type Json } from "./support/engine";
import { shown } from "./support/pictures";
import { until } from "./support/until";

/** Puts a record into the topic of events, as a workflow does. */
async function publish(value: unknown): Promise<void> {
  const request = { bootStrapServers: "kafka:9092", topic: "conductor-events", key: fresh("key"), value };
  const tasks = [simple("publish", { type: "KAFKA_PUBLISH", inputParameters: { kafka_request: request } })];
  await becomes(await start(await define({ name: fresh("publishes"), tasks })), "COMPLETED");
}

describe("events", () => {
  it("say what each handler made of them", async ({ open }) => {
    const target = await define({ name: fresh("led_to"), tasks: [simple("nothing", { type: "NOOP" })] });
    const said = simple("said", { type: "EVENT", sink: "conductor", inputParameters: { room: "${workflow.input.room}" } });
    // an event whose handler cannot decide waits for all of them, so each has its own
    const handled = async (condition: string) => {
      const source = await define({ name: fresh("speaks"), tasks: [said] });
      const name = fresh("listens");
      const actions = [{ action: "start_workflow", start_workflow: { name: target, input: {} } }];
      await call("POST", "/api/event", { name, event: `conductor:${source}:said`, condition, actions, active: true });
      for (const room of [7, 2]) await becomes(await start(source, { room }), "COMPLETED");
      return name;
    };
    const [good, broken] = [await handled("$.room > 3"), await handled("$.no.such.member > 3")];
    const page = await open();
    await page.goto(`/events?tab=executions&handler=${good}`);
    const table = page.getByRole("table", { name: "What handlers did" });
    await until("both events", async () => (await table.getByRole("row").count()) === 3);
    expect(await table.getByText("did not hold").count()).toBe(1);
    await table.locator("summary").first().click();
    await accessible(page, "what handlers did");
    await shown(page, "event-executions");
    await table.getByRole("link", { name: "run" }).click();
    await page.getByText(target).first().waitFor();
    await page.goto(`/events?tab=executions&handler=${broken}`);
    await table.getByText("has no value").first().waitFor();
  });

  it("that come before their task are shown until it takes them", async ({ open }) => {
    const gate = fresh("gate");
    const waits = simple("waits", { type: "EVENT", sink: "conductor:email_completed", asyncComplete: true });
    const id = await start(await define({ name: fresh("early"), tasks: [simple(gate), waits] }));
    await publish({ workflowId: id, taskId: "email_task", eventType: "email_completed", data: { result: "success", status: "success", text: "<i>early</i>" } });
    const page = await open();
    await page.goto("/events?tab=parked");
    const row = page.getByRole("row").filter({ hasText: id });
    await row.waitFor();
    await row.locator("summary").click();
    await row.getByText("<i>early</i>").waitFor();
    await accessible(page, "early events");
    await shown(page, "early-events");
    await work(gate, "COMPLETED");
    await becomes(id, "COMPLETED");
    await row.waitFor({ state: "hidden" });
  });

  it("that are none are kept, and come back when they are sent again as they were", async ({ open }) => {
    const words = fresh("<b>no event</b>");
    await publish(words);
    const page = await open();
    const letters = () => page.getByRole("row").filter({ has: page.locator("pre", { hasText: words }) });
    const come = (count: number) =>
      until(`${count} records`, async () => {
        await page.goto("/events?tab=dead");
        await page.getByRole("table", { name: "Refused events" }).or(page.getByRole("heading", { name: /No event|cannot be asked/ })).waitFor();
        return (await letters().count()) === count;
      });
    await come(1);
    await accessible(page, "refused events");
    await shown(page, "refused-events");
    await letters().getByRole("checkbox").check();
    await page.getByRole("button", { name: "Send 1 again" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/They are published to conductor-events as they were/).waitFor();
    await dialog.getByRole("button", { name: "Send 1 again" }).click();
    await page.getByText("1 record was sent again.").first().waitFor();
    await come(2);
    const answer = (await call("GET", "/api/podium/events/dead-letters?limit=200")) as { letters: Json[] };
    const texts = answer.letters.filter((letter) => letter["value"] === JSON.stringify(words));
    expect(texts.map((letter) => (letter["origin"] as Json)["topic"])).toEqual(["conductor-events", "conductor-events"]);
  });
});
