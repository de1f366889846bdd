import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { ConnectionSettings } from "../../../src/config/connection.ts";
import { connect } from "../../../src/postgres/client.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { discoverTools } from "../../../src/postgres/tools.ts";
import { runRestore } from "../../../src/restore/restore.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { makeCertificates, type Certificates } from "../../support/certificates.ts";
import { startLdapJudge, type LdapJudge } from "../../support/ldap-judge.ts";
import {
  settingsFor,
  startPostgres,
  unprivilegedUser,
  type PostgresServer,
} from "../../support/postgres-servers.ts";
import { backUpInto } from "../../support/run-backup.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/**
 * Amazon RDS asks IAM whether a token is good, by PAM. Here a server asks a judge of ours, by LDAP, and the judge takes a token
 * once: who came with an earlier one is not let in. To a server and to its clients both are the same: a password, inside TLS.
 */

const USER = "backup";
const REGION = "eu-west-1";
const SECONDS = 1_000;

let certificates: Certificates;
let judge: LdapJudge;
let server: PostgresServer;
const used = new Set<string>();

/** Two tokens of one second are the same: each is made a second after the one before. */
class TickingDate extends Date {
  static #ticks = 0;

  constructor(...values: [] | [number | string | Date]) {
    const [value] = values;
    super(value ?? Date.now() + (TickingDate.#ticks += SECONDS));
  }
}

beforeAll(async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "s3ntinel");
  vi.stubGlobal("Date", TickingDate);
  const { uid, gid } = await unprivilegedUser();
  const owner = uid === undefined || gid === undefined ? undefined : { uid, gid };
  certificates = await makeCertificates("localhost", owner);
  judge = await startLdapJudge((token) => {
    const isFresh = isTokenFor(token) && !used.has(token);
    used.add(token);
    return isFresh;
  });
  server = await startPostgres({
    version: 15,
    tls: certificates,
    hba: [
      `hostssl all ${USER} 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport=${judge.port} ldapprefix="" ldapsuffix=""`,
      "host all all 127.0.0.1/32 scram-sha-256",
    ],
  });
  await using admin = await connect(settingsFor(server), { applicationName: "test" });
  await admin.query(`CREATE ROLE ${USER} LOGIN CREATEDB`);
  await admin.query(`CREATE DATABASE shop OWNER ${USER}`);
});

afterAll(async () => {
  await server.stop();
  await judge[Symbol.asyncDispose]();
  await certificates[Symbol.asyncDispose]();
});

function isTokenFor(token: string): boolean {
  const { host, pathname, searchParams } = new URL(`https://${token}`);
  const query = Object.fromEntries(searchParams);
  return (
    host === `127.0.0.1:${server.port}` &&
    pathname === "/" &&
    query["Action"] === "connect" &&
    query["DBUser"] === USER &&
    query["X-Amz-Expires"] === "900" &&
    (query["X-Amz-Credential"] ?? "").endsWith(`/${REGION}/rds-db/aws4_request`)
  );
}

function settings(database: string): ConnectionSettings {
  return settingsFor(server, {
    database,
    user: USER,
    password: undefined,
    rdsToken: { region: REGION },
    tls: { mode: "require", rootCertificate: undefined, certificate: undefined, key: undefined },
  });
}

test("each connection logs in with a token of its own, whichever comes from which", async () => {
  const before = judge.asked.length;
  await using client = await connect(settings("shop"), { applicationName: "test" });
  await using again = await connect(client.settings, { applicationName: "test", database: "postgres" });
  expect(await again.query("SELECT current_user::text AS who")).toEqual([{ who: USER }]);
  expect(new Set(judge.asked.slice(before)).size).toBe(2);
});

test("one that is not taken says what may be missing", async () => {
  const elsewhere = { ...settings("shop"), rdsToken: { region: "us-east-1" } };
  await expect(connect(elsewhere, { applicationName: "test" })).rejects.toMatchObject({
    exit: "notPermitted",
    message: expect.stringMatching(/^cannot log in to database shop at .* with a token of IAM: (?!.*X-Amz)/),
    hint: expect.stringMatching(/rds-db:connect/),
  });
});

test("so do all that a backup and a restore connect with: sessions, programs, steps of the team's", async () => {
  await using client = await connect(settings("shop"), { applicationName: "test" });
  await client.query(
    "CREATE TABLE goods AS SELECT id, 'thing ' || id AS name FROM generate_series(1, 5000) AS id",
  );
  const folder = await temporaryFolder("tokens");
  const before = judge.asked.length;
  const manifest = await backUpInto(join(folder, "storage"), settings("shop"));
  const [tools] = (await discoverTools(process.env)).filter(({ major }) => major === 15);
  const never = new AbortController().signal;
  await runRestore(
    {
      storage: openFileStorage(join(folder, "storage")),
      reporter: silentReporter,
      signal: never,
      environment: process.env,
      now: Date.now,
    },
    {
      manifest,
      target: { name: "local", connection: settings("restored"), environment: "development" },
      settings: {
        after: [
          { command: [join(tools?.directory ?? "", "psql"), "-XAtc", "UPDATE goods SET name = 'seen'"] },
        ],
        thenJobs: [],
        jobs: 2,
        keepOld: false,
        waitForSessions: 0,
        skipExtensions: [],
        template: false,
      },
      cache: { directory: join(folder, "cache"), maxBytes: 2 ** 30 },
      folder,
      confirmation: { confirmed: false },
      force: false,
      asSuperuser: false,
      fast: false,
      allowVulnerableClient: true,
    },
  );
  const asked = judge.asked.slice(before);
  // Several sessions and pg_dump; several sessions, pg_restore for each section, psql.
  expect(asked.length).toBeGreaterThan(8);
  expect(new Set(asked).size).toBe(asked.length);
  await using restored = await connect(settings("restored"), { applicationName: "test" });
  expect(await restored.query("SELECT name, count(*)::int AS count FROM goods GROUP BY name")).toEqual([
    { name: "seen", count: 5000 },
  ]);
});
