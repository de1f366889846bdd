import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { dumpArguments, listArguments } from "../../src/backup/plan.ts";
import { parseRowsEntries } from "../../src/backup/contents-check.ts";
import type { NamedTable } from "../../src/backup/blocks/table-pattern.ts";
import { openSnapshot } from "../../src/postgres/snapshot.ts";
import type { TestDatabase } from "./postgres-test.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const run = promisify(execFile);

/** Room for a listing of ten thousand tables. */
const MAX_BUFFER = 64 * 1024 * 1024;

/** The oids of the tables whose rows the server's own pg_dump writes, with the arguments of a backup. */
export async function archivedTables(
  database: TestDatabase,
  blockTables: readonly NamedTable[] = [],
): Promise<Set<number>> {
  const { server, name } = database;
  const archive = join(await temporaryFolder("archived-tables"), "archive.dump");
  await using client = await database.connect();
  await using snapshot = await openSnapshot(client);
  const plan = {
    snapshot: snapshot.id,
    lockWaitTimeout: 5_000,
    clientMajor: Number(server.version),
    blockTables,
  };
  const env = {
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
    PGDATABASE: name,
  };
  const programs = server.programs ?? "";
  await run(join(programs, "pg_dump"), [...dumpArguments(plan), `--file=${archive}`], { env });
  const listed = await run(join(programs, "pg_restore"), [...listArguments(), archive], {
    maxBuffer: MAX_BUFFER,
  });
  return parseRowsEntries(listed.stdout);
}
