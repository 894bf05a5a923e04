import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the sources as they are, on the API of a running node.
const node = process.env.PODIUM_URL ?? "http://127.0.0.1:8080";

/** Compresses once what the server would have to compress for every browser. */
const compressed: Plugin = {
  name: "compressed",
  apply: "build",
  closeBundle() {
    const assets = new URL("dist/assets/", import.meta.url);
    for (const name of readdirSync(assets).filter((each) => /\.(js|css)$/.test(each))) {
      writeFileSync(new URL(`${name}.gz`, assets), gzipSync(readFileSync(new URL(name, assets)), { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [react(), compressed],
  build: {
    target: "es2023",
    // names carry a hash of the content, so browsers may keep them for ever
    assetsDir: "assets",
    sourcemap: false,
    // a data: address would need a wider content security policy
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    port: 5173,
    proxy: { "/api": node, "/api-docs": node, "/health": node, "/ui": node },
  },
  test: {
    css: false,
    projects: [
      // the model needs no browser, and a made-up one takes longer to start than all of its tests
      { extends: true, test: { name: "model", environment: "node", include: ["src/model/**/*.test.ts"] } },
      {
        extends: true,
        test: { name: "widgets", environment: "jsdom", include: ["src/**/*.test.tsx", "src/{api,app,views,widgets}/**/*.test.ts"], setupFiles: ["test/setup.ts"] },
      },
    ],
  },
});
