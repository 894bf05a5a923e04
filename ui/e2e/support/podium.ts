/** A real `podium dev` with a folder and ports of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until";

const BINARY = process.env["PODIUM_BIN"] ?? new URL("../../../target/debug/podium", import.meta.url).pathname;

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

export class Podium {
  private process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    readonly url: string,
    readonly ingestion: string,
  ) {}

  static async start(): Promise<Podium> {
    if (!existsSync(BINARY)) throw new Error(`there is no ${BINARY}; build it first: make test-ui`);
    const folder = await mkdtemp(join(tmpdir(), "podium-ui-"));
    // as root, PostgreSQL runs as a user of its own, who must come through
    await chmod(folder, 0o755);
    const [api, ingestion] = [await freePort(), await freePort()];
    const podium = new Podium(folder, `http://127.0.0.1:${api}`, `http://127.0.0.1:${ingestion}`);
    await podium.resume();
    return podium;
  }

  /** Starts it on its folder and ports, and waits until it takes requests. */
  async resume(): Promise<void> {
    const log = openSync(join(this.folder, "log"), "a");
    this.process = spawn(BINARY, ["dev"], {
      env: {
        ...process.env,
        PODIUM_LISTEN: this.url.slice(7),
        PODIUM_INGESTION_LISTEN: this.ingestion.slice(7),
        PODIUM__DEV__DATA: join(this.folder, "data"),
        PODIUM__DEV__KAFKA_LISTEN: "127.0.0.1:0",
        PODIUM__DEV__S3_LISTEN: "127.0.0.1:0",
        PODIUM__DEV__AIRFLOW_LISTEN: "127.0.0.1:0",
      },
      stdio: ["ignore", log, log],
    });
    const ready = async (address: string) => (await fetch(address)).ok;
    await until("podium dev to be ready", async () => {
      if (this.process?.exitCode !== null) throw new Error(`podium dev ended: ${this.log()}`);
      return (await ready(`${this.url}/health/ready`)) && (await ready(`${this.ingestion}/ready`));
    });
  }

  /** Ends it in good order; PostgreSQL then writes its last checkpoint. */
  async pause(): Promise<void> {
    const running = this.process;
    if (!running || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGTERM");
    await ended;
  }

  async stop(): Promise<void> {
    await this.pause();
    rmSync(this.folder, { recursive: true, force: true });
  }

  log(): string {
    return readFileSync(join(this.folder, "log"), "utf8").split("\n").slice(-30).join("\n");
  }
}
