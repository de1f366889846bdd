import { join } from "node:path";
import { settingsFor, type PostgresServer } from "../../test/support/postgres-servers.ts";
import type { Program } from "../measure.ts";
import { SOURCE_DATABASE, type Environment, type Stage } from "../stage.ts";

/** `pg_dump` of the source. */
export function pgDump(stage: Stage, args: readonly string[]): Program {
  return {
    command: join(stage.programs, "pg_dump"),
    args,
    environment: connectionEnvironment(stage.source, SOURCE_DATABASE),
  };
}

/** `pg_restore` into a database of the target server. */
export function pgRestore(stage: Stage, database: string, args: readonly string[]): Program {
  return {
    command: join(stage.programs, "pg_restore"),
    args: ["--exit-on-error", "--no-owner", "--no-acl", `--dbname=${database}`, ...args],
    environment: connectionEnvironment(stage.target, database),
  };
}

function connectionEnvironment(server: PostgresServer, database: string): Environment {
  const settings = settingsFor(server, { database });
  return {
    PATH: process.env["PATH"],
    PGHOST: settings.host,
    PGPORT: String(settings.port),
    PGUSER: settings.user,
    PGPASSWORD: settings.password?.reveal(),
    PGDATABASE: database,
  };
}
