import type { DatabaseConfig, ReachableDatabase } from "../../config/config.ts";
import { reach } from "../../config/database.ts";
import { DataopsError } from "../../errors.ts";
import { connect, type PostgresClient } from "../../postgres/client.ts";
import { detectPooler } from "../../postgres/pooler.ts";
import { describePlace, SQL_STATES, sqlStateOf } from "../../postgres/postgres-error.ts";
import { readServerFacts, type ServerFacts } from "../../postgres/server-facts.ts";
import { chooseDumpClient, chooseRestoreClient, majorOf, type InstalledTools } from "../../postgres/tools.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { attempt, fail, ok, warn, type Finding } from "./finding.ts";

/** What a database is for: backups are made of a source, and restored into a target. */
export type Role = "source" | "target";

export interface DatabaseCheck {
  database: ReachableDatabase;
  role: Role;
  installed: readonly InstalledTools[];
  /** The backup that would be restored into a target; undefined where none is known. */
  latest: Manifest | undefined;
  /** Extensions that a restore into this target does without. */
  skipExtensions: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

const APPLICATION_NAME = "dataops:doctor";

/** Whether a database can be reached, and what a backup or a restore would find there. */
export async function checkDatabase({
  database: configured,
  ...options
}: Omit<DatabaseCheck, "database"> & { database: DatabaseConfig }): Promise<Finding[]> {
  const { role, signal } = options;
  const subject = `database ${configured.name}`;
  return attempt(subject, signal, async () => {
    const database = await reach(configured, signal);
    const check = { ...options, database };
    const client = await connectOrNone(check);
    if (client === undefined) {
      return [
        warn(
          subject,
          `${describePlace(database.connection)} does not exist yet`,
          "`dataops fetch-latest-db` makes it",
        ),
      ];
    }
    await using connection = client;
    const facts = await readServerFacts(connection);
    const pooler = await detectPooler(connection, { applicationName: APPLICATION_NAME, signal });
    const place = `PostgreSQL ${facts.source.serverVersion} at ${describePlace(database.connection)}, as ${facts.role}`;
    const reached = ok(subject, place);
    const token = judgeToken(subject, database);
    if (role === "source") return [reached, ...token, ...judgeSource(subject, facts, pooler, check)];
    const available = await availableExtensions(connection);
    return [reached, ...token, ...judgeTarget(subject, facts, { ...check, pooler, available })];
  });
}

/** A target that does not exist is no failure: a restore creates it. */
async function connectOrNone({
  database,
  role,
  environment,
  signal,
}: DatabaseCheck): Promise<PostgresClient | undefined> {
  try {
    return await connect(database.connection, { applicationName: APPLICATION_NAME, signal, environment });
  } catch (error) {
    if (role === "target" && sqlStateOf(error) === SQL_STATES.noSuchDatabase) return undefined;
    throw error;
  }
}

/** A token is a password for a quarter of an hour: encrypted for nobody in particular, it may be read by who stands between. */
export function judgeToken(
  subject: string,
  { connection }: Pick<ReachableDatabase, "connection">,
): Finding[] {
  const { rdsToken, tls } = connection;
  if (rdsToken === undefined || tls.mode === "verify-full") return [];
  return [
    warn(
      subject,
      `a token of IAM is sent with sslmode=${tls.mode}, to whoever answers`,
      "set sslmode=verify-full and sslrootcert to the certificates of Amazon RDS",
    ),
  ];
}

/** What a backup of it would meet. */
export function judgeSource(
  subject: string,
  facts: Pick<ServerFacts, "isSuperuser" | "source" | "stamp">,
  pooler: boolean,
  { installed, database }: Pick<DatabaseCheck, "installed" | "database">,
): Finding[] {
  const findings = [
    tryFinding(subject, () => {
      const client = chooseDumpClient(installed, facts.source.serverVersionNumber);
      return ok(subject, `backed up with pg_dump ${client.version}`);
    }),
  ];
  if (pooler) {
    const error = new DataopsError(
      "refused",
      "a pooler stands before the server, where a snapshot cannot be held",
      {
        hint: `give the server's own address in ${database.connection.origin}`,
      },
    );
    findings.push(fail(subject, error));
  }
  if (facts.isSuperuser) {
    findings.push(
      warn(subject, "connects as a superuser", "a backup needs no more than a role that can read all tables"),
    );
  }
  return [...findings, ...judgeStamp(subject, facts, database)];
}

/** What a restore into it would meet. */
export function judgeTarget(
  subject: string,
  facts: Pick<ServerFacts, "isSuperuser" | "canCreateDatabase" | "source" | "stamp" | "role">,
  check: Pick<DatabaseCheck, "installed" | "database" | "latest" | "skipExtensions"> & {
    pooler: boolean;
    available: ReadonlySet<string>;
  },
): Finding[] {
  const findings: Finding[] = [];
  if (check.pooler)
    findings.push(warn(subject, "a pooler stands before the server", "give the server's own address"));
  if (!facts.canCreateDatabase) {
    const error = new DataopsError(
      "notPermitted",
      `${facts.role} may not create databases, which a restore does`,
      {
        hint: `as a superuser: ALTER ROLE "${facts.role.replaceAll('"', '""')}" CREATEDB`,
      },
    );
    findings.push(fail(subject, error));
  }
  if (check.latest !== undefined) findings.push(...judgeRestore(subject, facts, check.latest, check));
  return [...findings, ...judgeStamp(subject, facts, check.database)];
}

function judgeRestore(
  subject: string,
  facts: Pick<ServerFacts, "source">,
  latest: Manifest,
  {
    installed,
    skipExtensions,
    available,
  }: Pick<DatabaseCheck, "installed" | "skipExtensions"> & { available: ReadonlySet<string> },
): Finding[] {
  const client = judgeRestoreClient(subject, installed, {
    archiveMajor: Number.parseInt(latest.tools.pgDump, 10),
    serverMajor: majorOf(facts.source.serverVersionNumber),
  });
  const missing = latest.source.extensions.filter(({ name }) => !available.has(name));
  const needed = missing
    .filter(({ name, used }) => used && !skipExtensions.includes(name))
    .map(({ name }) => name);
  if (needed.length > 0) {
    const error = new DataopsError(
      "refused",
      `the latest backup uses extensions that this server has not: ${needed.join(", ")}`,
      {
        hint: "install them on that server, or list them in `skipExtensions`",
      },
    );
    return [client, fail(subject, error)];
  }
  const unused = missing.map(({ name }) => name);
  return [
    client,
    ok(
      subject,
      unused.length === 0
        ? "has all extensions of the latest backup"
        : `lacks ${unused.join(", ")}: left out`,
    ),
  ];
}

/** Programs with known holes are no failure: nothing is wrong until a restore is asked for, and then a flag allows it. */
function judgeRestoreClient(
  subject: string,
  installed: readonly InstalledTools[],
  majors: { archiveMajor: number; serverMajor: number },
): Finding {
  const finding = tryFinding(subject, () => {
    const chosen = chooseRestoreClient(installed, { ...majors, allowVulnerable: false });
    return ok(subject, `restored into with pg_restore ${chosen.version}`);
  });
  if (finding.status !== "fail" || finding.exit !== "refused") return finding;
  return warn(subject, finding.message, finding.hint ?? "pass --allow-vulnerable-client to a restore");
}

/** The stamp in the database against the environment in the configuration. */
function judgeStamp(
  subject: string,
  { stamp }: Pick<ServerFacts, "stamp">,
  database: ReachableDatabase,
): Finding[] {
  if (stamp === database.environment) return [ok(subject, `stamped ${stamp}`)];
  if (stamp === undefined) return [ok(subject, `not stamped (configured as ${database.environment})`)];
  const error = new DataopsError("refused", `stamped ${stamp}, and configured as ${database.environment}`, {
    hint: `is ${database.connection.origin} the right database? if so: \`dataops stamp ${database.name} ${database.environment}\``,
  });
  return [fail(subject, error)];
}

async function availableExtensions(client: PostgresClient): Promise<Set<string>> {
  const rows = await client.query<{ name: string }>("SELECT name FROM pg_catalog.pg_available_extensions");
  return new Set(rows.map(({ name }) => name));
}

function tryFinding(subject: string, judge: () => Finding): Finding {
  try {
    return judge();
  } catch (error) {
    if (error instanceof DataopsError) return fail(subject, error);
    throw error;
  }
}
