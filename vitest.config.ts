import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

const SECOND = 1_000;

/**
 * What every other engine, release and limit does beside those that the rest of the suite runs on, and what takes minutes by itself:
 * for `npm run test:all`, with its `TEST_ALL=1`.
 */
const LONG = [
  "test/contract/search-{opensearch-3,elasticsearch-8}.test.ts",
  "test/integration/search/{limits,bulk-faults,index-life}-elasticsearch-7.test.ts",
  "test/integration/search/{limits-opensearch-2,zones}.test.ts",
  "test/integration/reindex/{elasticsearch-7,one-in-many}.test.ts",
  "test/e2e/backup/{killed-anywhere,extremes}.test.ts",
  "test/e2e/versions.test.ts",
  "test/integration/backup/prune-killed.test.ts",
  "test/integration/deploy/terraform{,-options}.test.ts",
  "test/image/**",
];

/** Starts no server by itself: each is started when the first test asks for it, and shared over the run. */
const withServers = { globalSetup: ["test/support/global-setup.ts"] };

export default defineConfig({
  test: {
    // Most tests wait for servers and processes; a worker for each core, where vitest by itself leaves one core out. One more was
    // a sixth faster, and had tests wait for each other beyond their time.
    maxWorkers: Math.max(2, availableParallelism()),
    exclude: [...configDefaults.exclude, ...(process.env["TEST_ALL"] === "1" ? [] : LONG)],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          testTimeout: 10 * SECOND,
          // They leave nothing behind, and to load everything anew for each file took longer than the tests.
          isolate: false,
        },
      },
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
          globalSetup: [...withServers.globalSetup, "test/support/build-program.ts"],
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 180 * SECOND,
          hookTimeout: 180 * SECOND,
        },
      },
      {
        test: {
          globalSetup: [...withServers.globalSetup, "test/support/image-setup.ts"],
          name: "image",
          include: ["test/image/**/*.test.ts"],
          testTimeout: 180 * SECOND,
          hookTimeout: 180 * SECOND,
        },
      },
    ],
  },
});
