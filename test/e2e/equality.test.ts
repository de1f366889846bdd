import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished } from "vitest";
import { compareDatabases } from "../support/compare-databases.ts";
import { chinook } from "../support/data/chinook.ts";
import { test } from "../support/e2e-test.ts";
import { everyKindOfTable } from "../support/every-kind-of-table.ts";
import { settingsFor, urlFor } from "../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName } from "../support/postgres-test.ts";
import type { SharedPostgres } from "../support/shared-servers.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { parseSize } from "../../bench/size.ts";

const run = promisify(execFile);

/** How large the database of every kind of table is. A gigabyte takes some minutes. */
const SIZE = process.env["TEST_EQUALITY_SIZE"] ?? "10MB";
/** Milliseconds; enough for ten gigabytes. */
const PATIENCE = 1_800_000;

/** Every database that has to come back as it was. */
const SAMPLES: readonly { name: string; sql: () => string }[] = [
  { name: "chinook", sql: chinook },
  {
    name: `every kind of table (${SIZE})`,
    sql: () => everyKindOfTable({ size: parseSize(SIZE) }),
  },
];

test.for(SAMPLES)("$name comes back equal", { timeout: PATIENCE }, async ({ sql }, { database, dataops }) => {
  const { server } = database;
  const client = await database.connect();
  await client.query(sql());
  const restored = uniqueName("restored");
  onTestFinished(() => runAsSuperuser(server, `DROP DATABASE IF EXISTS ${restored} WITH (FORCE)`));
  const environment = {
    DATABASE_URL: urlFor(server, database.name),
    LOCAL_DATABASE_URL: urlFor(server, restored),
    DATAOPS_STORAGE: `file://${await temporaryFolder("equality")}`,
  };

  const made = await dataops.run(["backup"], { environment });
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const fetched = await dataops.run(["fetch-latest-db", "--json"], { environment });
  expect(fetched, fetched.stderr + fetched.stdout).toMatchObject({ code: 0 });

  expect(await schemaOf(server, restored)).toEqual(await schemaOf(server, database.name));
  expect(await compareDatabases(database.settings, settingsFor(server, { database: restored }))).toEqual([]);
});

/** What stock pg_dump says of a database, line by line, without the random keys that it puts around it. */
async function schemaOf({ programs, ...server }: SharedPostgres, database: string): Promise<string[]> {
  if (programs === undefined) throw new Error("the server's programs are not on this machine");
  const { stdout } = await run(join(programs, "pg_dump"), ["--schema-only", "--no-owner", "--no-acl"], {
    maxBuffer: 64 * 1024 * 1024,
    env: {
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.user,
      PGPASSWORD: server.password,
      PGDATABASE: database,
    },
  });
  const lines = stdout.split("\n").filter((line) => !/^\\(?:un)?restrict /.test(line));
  expect(lines.length).toBeGreaterThan(100);
  return lines;
}
