/** How the pages are served: kept by browsers, compressed, under a policy, and at the addresses of their views. */
import { request } from "node:http";
import { describe, expect, inject, it } from "vitest";

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  bytes: number;
}

/** As it came: `fetch` would unpack it. */
function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, inject("url")), { headers }, (answer) => {
      let bytes = 0;
      answer.on("data", (part: Buffer) => (bytes += part.length));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes }));
    });
    asked.on("error", reject).end();
  });
}

async function scripts(): Promise<string[]> {
  const document = await (await fetch(inject("url"))).text();
  return [...document.matchAll(/"(\/assets\/[^"]+\.(?:js|css))"/g)].map(([, path]) => path ?? "");
}

describe("the pages", () => {
  it("are one document at every address of a view, asked for anew each time, under a strict policy", async () => {
    for (const path of ["/", "/runs/none", "/definitions/a%20b", "/designer", "/plots"]) {
      const { status, headers } = await get(path);
      expect([path, status, headers["cache-control"]]).toEqual([path, 200, "no-cache"]);
      expect(headers["content-security-policy"]).toMatch(/default-src 'none'; script-src 'self';/);
      expect(headers["x-frame-options"]).toBe("DENY");
      const again = await get(path, { "if-none-match": String(headers["etag"]) });
      expect([again.status, again.bytes]).toEqual([304, 0]);
    }
    expect((await get("/api/no/such/thing")).headers["content-type"]).toMatch(/json/);
    expect((await get("/no/such/view")).status).toBe(404);
  });

  it("have scripts and styles that are kept for ever, compressed for who takes it", async () => {
    const all = await scripts();
    expect(all.length).toBeGreaterThan(2);
    for (const path of all) {
      const [plain, packed] = [await get(path), await get(path, { "accept-encoding": "gzip, br" })];
      expect(plain.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
      expect([plain.headers["content-encoding"], packed.headers["content-encoding"]]).toEqual([undefined, "gzip"]);
      expect([packed.headers["vary"], packed.headers["content-type"]]).toEqual(["accept-encoding", plain.headers["content-type"]]);
      expect(packed.bytes).toBeLessThan(plain.bytes);
      expect(packed.headers["content-length"], "its length is known: it was compressed before").toBe(String(packed.bytes));
    }
    expect((await get("/assets/none.js")).status).toBe(404);
  });

  it("know where the ingestion service is", async () => {
    expect(await (await fetch(`${inject("url")}/ui/config.json`)).json()).toMatchObject({ ingestion: inject("ingestion") });
  });
});
