import { defineConfig } from "vitest/config";

// A real Chromium on the pages of a real `podium dev`, one file after the other.
export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  test: {
    include: ["e2e/*.e2e.ts"],
    environment: "node",
    globalSetup: ["e2e/support/world.ts"],
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 120_000,
    sequence: { concurrent: false },
  },
});
