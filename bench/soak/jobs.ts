import type { Job } from "../../src/repository/job.ts";

/** What a soak has to run: twenty jobs, each of them once a minute. */

export const SHOPS = Array.from({ length: 4 }, (_, place) => `shop${place + 1}`);
export const STAGINGS = ["staging1"];

const EVERY_MINUTE = { schedule: "* * * * *", jitter: "25s", timeout: "5m" };

const PRUNED = SHOPS.slice(0, 3);
const VERIFIED = SHOPS.slice(1);
const INDEXES = Array.from({ length: 9 }, (_, place) => ({
  name: `index${place + 1}`,
  database: STAGINGS[place % STAGINGS.length] ?? "",
}));

export const JOBS: readonly Job[] = [
  ...SHOPS.map((name) => jobOf("backup", name)),
  ...PRUNED.map((name) => jobOf("prune", name)),
  ...VERIFIED.map((name) => jobOf("verify", name)),
  ...STAGINGS.map((name) => jobOf("seed", name)),
  ...INDEXES.map(({ name, database }) => ({ kind: "reindex", name, database }) as const),
];

/** Those of which one-shot runs are started for the same slots, one of them a minute. */
export const TASKS: readonly Job[] = [
  jobOf("backup", "shop1"),
  jobOf("seed", "staging1"),
  jobOf("backup", "shop4"),
  jobOf("prune", "shop2"),
];

/** The configuration of all, on the port that its daemon listens on. Secrets and addresses come from the environment. */
export function soakConfig(port: number): object {
  return {
    storage: { url: "${DATAOPS_STORAGE}", forcePathStyle: true },
    databases: {
      ...each(SHOPS, (name) => ({ url: `\${${name.toUpperCase()}_URL}`, environment: "production" })),
      ...each(STAGINGS, (name) => ({ url: `\${${name.toUpperCase()}_URL}`, environment: "staging" })),
    },
    backup: each(SHOPS, () => ({ ...EVERY_MINUTE, keep: { last: 3 }, jobs: 1 })),
    prune: each(PRUNED, () => EVERY_MINUTE),
    verify: each(VERIFIED, () => EVERY_MINUTE),
    seed: each(STAGINGS, () => ({
      ...EVERY_MINUTE,
      schema: { sql: "schema.sql" },
      seeds: ["seed.sql"],
      expect: { users: 100 },
      keepOld: false,
    })),
    indexes: Object.fromEntries(
      INDEXES.map(({ name, database }) => [
        name,
        { ...EVERY_MINUTE, database, driver: { command: ["true"] } },
      ]),
    ),
    notify: [{ webhook: { url: "${NOTICES_URL}" }, repeatEvery: "1m" }],
    http: { port },
  };
}

function jobOf(kind: Exclude<Job["kind"], "reindex">, name: string): Job {
  return { kind, name, database: name };
}

function each(names: readonly string[], make: (name: string) => object): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, make(name)]));
}
