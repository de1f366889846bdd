import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { configSchema } from "../../src/config/schema.ts";
import type { SeedConfig } from "../../src/config/config.ts";
import { readSeed } from "../../src/config/read-seed.ts";
import { connect } from "../../src/postgres/client.ts";
import { quoteIdentifier } from "../../src/postgres/quote.ts";
import type { SeedDependencies, SeedRequest } from "../../src/seed/run.ts";
import { previewSeed, runSeed, type SeedOutcome, type SeedPreview } from "../../src/seed/seed.ts";
import { createDatabase, runAsSuperuser, test as base, type TestDatabase } from "./postgres-test.ts";
import { recordingReporter } from "./restore-target.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { NOTHING } from "./known-value.ts";

/** What `seed.staging` of a configuration may say. */
export type SeedSection = Readonly<Record<string, unknown>>;

/** A staging database, and the folder of a configuration with its seeds. */
export interface Staging {
  database: TestDatabase;
  folder: string;
  /** Everything that was told. */
  said: string[];
  /** Writes files into the folder, by their paths. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** Resets it as a configuration would. */
  seed(section: SeedSection, changes?: SeedChanges): Promise<SeedOutcome>;
  preview(section: SeedSection, changes?: SeedChanges): Promise<SeedPreview>;
  /** Rows of a query in it. */
  query<Row extends Record<string, unknown>>(sql: string, database?: string): Promise<Row[]>;
  /** The first column of a query's first row. */
  value(sql: string, database?: string): Promise<unknown>;
  /** Names of the databases that came from it. */
  family(): Promise<string[]>;
}

export interface SeedChanges {
  request?: Partial<SeedRequest>;
  dependencies?: Partial<SeedDependencies>;
}

/** A section as the configuration's own schema reads it. */
function seedSection(section: SeedSection): SeedConfig {
  const checked = configSchema.parse({ seed: { staging: section } }).seed["staging"];
  if (checked === undefined) throw new Error("it was given");
  return readSeed("staging", checked, NOTHING);
}

/** Makes a staging database in the server of `database`: stamped, with one table `content` that says `before`. */
async function makeStaging(database: TestDatabase): Promise<Staging> {
  const folder = await temporaryFolder("seeds");
  const reporter = recordingReporter();
  const requestOf = (section: SeedSection, changes: SeedChanges): [SeedDependencies, SeedRequest] => [
    {
      reporter,
      signal: new AbortController().signal,
      environment: process.env,
      now: () => Date.now(),
      findSchema: () => Promise.reject(new Error("no backup is wanted")),
      runThen: () => Promise.resolve([]),
      ...changes.dependencies,
    },
    {
      target: { name: "staging", environment: "staging", connection: database.settings },
      settings: seedSection(section),
      folder,
      force: false,
      asSuperuser: false,
      ...changes.request,
    },
  ];
  const query: Staging["query"] = async (sql, name = database.name) => {
    await using client = await connect({ ...database.settings, database: name }, { applicationName: "test" });
    return await client.query(sql);
  };
  await query("CREATE TABLE content AS SELECT 'before'::text AS value");
  await runAsSuperuser(
    database.server,
    `ALTER DATABASE ${quoteIdentifier(database.name)} SET dataops.environment = 'staging'`,
  );
  return {
    database,
    folder,
    said: reporter.said,
    async write(files) {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(folder, name)), { recursive: true });
        await writeFile(join(folder, name), content);
      }
    },
    seed: (section, changes = {}) => runSeed(...requestOf(section, changes)),
    preview: (section, changes = {}) => previewSeed(...requestOf(section, changes)),
    query,
    value: async (sql, name) => Object.values((await query(sql, name))[0] ?? {})[0],
    async family() {
      const rows = await query<{ name: string }>(
        `SELECT datname AS name FROM pg_database WHERE starts_with(datname, '${database.name}') ORDER BY 1`,
        "postgres",
      );
      return rows.map(({ name }) => name);
    },
  };
}

/** Vitest's `test` with a staging database in PostgreSQL 15, and nothing left of it afterwards. */
export const test = base.extend<{ staging: Staging }>({
  staging: async ({ postgres15 }, use) => {
    const database = await createDatabase(postgres15);
    const staging = await makeStaging(database);
    await use(staging);
    for (const name of await staging.family()) {
      await runAsSuperuser(postgres15, `DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
    }
    await database.drop();
  },
});
