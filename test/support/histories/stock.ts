import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { takePicture, type Picture } from "../compare-databases.ts";
import { settingsFor } from "../postgres-servers.ts";
import { runAsSuperuser, uniqueName, type TestDatabase } from "../postgres-test.ts";
import { environmentFor } from "./round-trip.ts";

const run = promisify(execFile);

/** What stock pg_dump and pg_restore make of a database: what a backup of ours has to come to. */
export async function stockPicture({ server, name }: TestDatabase, folder: string): Promise<Picture> {
  const archive = join(folder, "stock.dump");
  const copy = uniqueName("stock");
  const env = {
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
  };
  const program = (called: string): string => join(server.programs ?? "", called);
  await run(program("pg_dump"), ["--format=custom", "--compress=0", `--file=${archive}`, name], { env });
  await runAsSuperuser(server, `CREATE DATABASE ${copy} TEMPLATE template0`);
  try {
    await run(program("pg_restore"), ["--exit-on-error", `--dbname=${copy}`, archive], { env });
    return await takePicture(settingsFor(server, { database: copy }), environmentFor(server));
  } finally {
    await runAsSuperuser(server, `DROP DATABASE IF EXISTS ${copy} WITH (FORCE)`);
  }
}
