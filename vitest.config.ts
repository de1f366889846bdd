import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const SECOND = 1_000;

/** Starts no server by itself: each is started when the first test asks for it, and shared over the run. */
const withServers = { globalSetup: ["test/support/global-setup.ts"] };

export default defineConfig({
  test: {
    // Most tests wait for servers and processes; a worker for each core, where vitest by itself leaves one core out.
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 10 * SECOND } },
      {
        test: {
          ...withServers,
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          testTimeout: 60 * SECOND,
          hookTimeout: 180 * SECOND,
        },
      },
      {
        test: {
          ...withServers,
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          testTimeout: 60 * SECOND,
          hookTimeout: 180 * SECOND,
        },
      },
      {
        test: {
          ...withServers,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 180 * SECOND,
          hookTimeout: 180 * SECOND,
        },
      },
    ],
  },
});
