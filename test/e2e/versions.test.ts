import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, vi } from "vitest";
import { connect } from "../../src/postgres/client.ts";
import { discoverTools } from "../../src/postgres/tools.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { compareDatabases } from "../support/compare-databases.ts";
import { chinook } from "../support/data/chinook.ts";
import type { DataopsExit } from "../support/dataops-process.ts";
import { expectOneLine, test, type Dataops } from "../support/e2e-test.ts";
import { everyKindOfTable } from "../support/every-kind-of-table.ts";
import { fakePrograms } from "../support/fake-program.ts";
import { settingsFor, urlFor } from "../support/postgres-servers.ts";
import { createDatabase, runAsSuperuser, uniqueName } from "../support/postgres-test.ts";
import type { SharedPostgres } from "../support/shared-servers.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Versions whose server and clients the tests have whole. */
const VERSIONS = [15, 16, 18] as const;

/** The clients at hand may be older than the security floor: here it is about which of them is used. */
const ANY_CLIENT = "--allow-vulnerable-client";

/** Above every security floor. */
const SAFE_MINOR = 99;

/** How the clients are found, with the wrong one first whatever the server. */
const PLACES = [
  {
    place: "DATAOPS_POSTGRES_BIN",
    sample: () => everyKindOfTable({ size: 1_000_000 }),
    surelyUsed: ["pg_dump", "pg_restore"],
    environmentOf: ({ directories }: Clients) => ({ DATAOPS_POSTGRES_BIN: directories.join(":") }),
  },
  {
    place: "PATH",
    sample: chinook,
    // A package's own folder of the same version may come first.
    surelyUsed: [],
    environmentOf: ({ directories }: Clients) => ({ PATH: [...directories, "/usr/bin", "/bin"].join(":") }),
  },
] as const;

describe("with the clients of 15, 16 and 18 installed", () => {
  for (const { place, sample, surelyUsed, environmentOf } of PLACES) {
    test.for(VERSIONS)(
      `a server of %i is backed up and restored by its own, by ${place}`,
      async (version, { postgres15, postgres16, postgres18, dataops }) => {
        const servers = { 15: postgres15, 16: postgres16, 18: postgres18 };
        const others = VERSIONS.filter((one) => one !== version).map((one) => servers[one]);
        const clients = await recordingClients([...others, servers[version]]);
        const environment = environmentOf(clients);
        const { source, manifest, storage } = await backUpSample(
          servers[version],
          dataops,
          environment,
          sample(),
        );
        expect(manifest.tools.pgDump).toMatch(new RegExp(`^${version}\\.`));

        const target = restoreTarget(servers[version]);
        const restored = await dataops.run(["fetch-latest-db", ANY_CLIENT], {
          environment: { ...storage, ...environment, LOCAL_DATABASE_URL: target.url },
        });
        expect(restored, restored.stderr).toMatchObject({ code: 0 });
        useClientsOf(servers[version]);
        expect(await compareDatabases(source.settings, target.settings)).toEqual([]);
        const used = await clients.used();
        expect(used.filter((program) => !program.startsWith(`${version} `))).toEqual([]);
        expect(used).toEqual(expect.arrayContaining(surelyUsed.map((name) => `${version} ${name}`)));
      },
    );
  }

  test.for([16, 18] as const)(
    "a backup of a server of 15 goes into one of %i, by that one's client",
    async (version, { postgres15, postgres16, postgres18, dataops }) => {
      const servers = { 16: postgres16, 18: postgres18 };
      const clients = await recordingClients([postgres15, postgres18, postgres16], SAFE_MINOR);
      const environment = { DATAOPS_POSTGRES_BIN: clients.directories.join(":") };
      const { source, storage } = await backUpSample(postgres15, dataops, environment, chinook());
      expect(new Set(await clients.used())).toEqual(new Set(["15 pg_dump", "15 pg_restore"]));

      await clients.forget();
      const target = restoreTarget(servers[version]);
      const restored = await dataops.run(["fetch-latest-db"], {
        environment: { ...storage, ...environment, LOCAL_DATABASE_URL: target.url },
      });
      expect(restored, restored.stderr).toMatchObject({ code: 0 });
      expect(new Set(await clients.used())).toEqual(new Set([`${version} pg_restore`]));
      useClientsOf(servers[version]);
      // Each version writes a schema in its own words.
      expect(await compareDatabases(source.settings, target.settings, { ignore: /^schema: / })).toEqual([]);
    },
  );

  test("a backup of a server of 18 does not go into one of 15, and that is said before anything is done", async ({
    postgres15,
    postgres16,
    postgres18,
    dataops,
  }) => {
    const clients = await recordingClients([postgres15, postgres16, postgres18]);
    const environment = { DATAOPS_POSTGRES_BIN: clients.directories.join(":") };
    const { storage } = await backUpSample(postgres18, dataops, environment, "CREATE TABLE small ()");
    await clients.forget();
    const target = restoreTarget(postgres15);
    const refused = await dataops.run(["fetch-latest-db", ANY_CLIENT], {
      environment: { ...storage, ...environment, LOCAL_DATABASE_URL: target.url },
    });
    expect(refused, refused.stderr).toMatchObject({ code: 17, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toMatch(
      /^error: an archive written by pg_dump 18 cannot be restored into a PostgreSQL 15 server$/m,
    );
    expect(await clients.used()).toEqual([]);
    expect(await databasesLike(postgres15, target.name)).toEqual([]);
  });
});

describe("where no client will do", () => {
  test("a server newer than every client: both versions and the package are named", async ({
    postgres15,
    postgresEmbedded,
    dataops,
  }) => {
    const [client] = await discoverTools({ DATAOPS_POSTGRES_BIN: postgres15.programs });
    const environment = {
      DATABASE_URL: urlFor(postgresEmbedded, "postgres"),
      DATAOPS_STORAGE: `file://${await temporaryFolder("storage")}`,
      DATAOPS_POSTGRES_BIN: postgres15.programs ?? "",
    };
    const ended = await dataops.run(["backup"], { environment });
    expect(ended, ended.stderr).toMatchObject({ code: 17, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).toMatch(/^error: .*PostgreSQL 18\b/m);
    expect(ended.stderr).toContain(client?.version);
    expect(ended.stderr).toMatch(/^hint: .*postgresql-client-18\b/m);
    const listed = await dataops.run(["list", "--json"], { environment });
    expect(listed.json()).toMatchObject({ backups: [], unfinished: [], foreign: [] });

    const checked = await dataops.run(["doctor"], { environment });
    expect(checked, checked.stdout).toMatchObject({ code: 17 });
    expect(checked.stdout).toMatch(/^fail {2}database production .*PostgreSQL 18\b/m);
  });

  test("no client at all", async ({ database, dataops }) => {
    const { storage } = await backUpSample(database.server, dataops, {}, "CREATE TABLE small ()");
    const environment = {
      ...storage,
      LOCAL_DATABASE_URL: restoreTarget(database.server).url,
      DATAOPS_POSTGRES_BIN: await temporaryFolder("empty"),
    };
    for (const args of [["backup"], ["fetch-latest-db"]]) {
      const ended = await dataops.run(args, { environment });
      expect(ended, ended.stderr).toMatchObject({ code: 17, stdout: "" });
      expectOneLine(ended);
      expect(ended.stderr).toContain("DATAOPS_POSTGRES_BIN");
    }
    const checked = await dataops.run(["doctor"], { environment });
    expect(checked, checked.stdout).toMatchObject({ code: 17 });
  });

  test("a client with known holes restores only when told to; a backup and doctor warn", async ({
    database,
    dataops,
  }) => {
    const clients = await recordingClients([database.server], 1);
    const client = { DATAOPS_POSTGRES_BIN: clients.directories.join(":") };
    const { storage, made } = await backUpSample(database.server, dataops, client, "CREATE TABLE small ()");
    expect(made.stderr).toMatch(/"level":"warn".*"pg_dump 15\.1 has known security holes/);

    await clients.forget();
    const target = restoreTarget(database.server);
    const cache = await temporaryFolder("cache");
    const environment = {
      ...storage,
      ...client,
      LOCAL_DATABASE_URL: target.url,
      DATAOPS_CACHE_DIRECTORY: join(cache, "cache"),
    };
    const refused = await dataops.run(["fetch-latest-db", "--yes", "--force"], { environment });
    expect(refused, refused.stderr).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toMatch(/^error: .*15\.1\b/m);
    expect(await clients.used()).toEqual([]);
    expect(await databasesLike(database.server, target.name)).toEqual([]);

    const checked = await dataops.run(["doctor"], { environment });
    expect(checked, checked.stdout).toMatchObject({ code: 3 });
    expect(checked.stdout).toMatch(/^warn {2}pg_dump, pg_restore .*15\.1\b/m);

    const allowed = await dataops.run(["fetch-latest-db", ANY_CLIENT], { environment });
    expect(allowed, allowed.stderr).toMatchObject({ code: 0 });
    expect(await databasesLike(database.server, target.name)).toContain(target.name);
  });
});

/** Client programs of several versions that note each use, which is more than asking for their version. */
interface Clients {
  directories: string[];
  /** `15 pg_dump`, in the order of use. */
  used(): Promise<string[]>;
  forget(): Promise<void>;
}

/** The servers' own programs; `minor` is what they pretend to be, if not what they are. */
async function recordingClients(servers: readonly SharedPostgres[], minor?: number): Promise<Clients> {
  const log = join(await temporaryFolder("clients"), "used");
  let forgotten = 0;
  const read = async (): Promise<string[]> => {
    const text = await readFile(log, "utf8").catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  };
  const directories: string[] = [];
  for (const { programs = "" } of servers) {
    const [found] = await discoverTools({ DATAOPS_POSTGRES_BIN: programs });
    if (found === undefined) throw new Error(`there are no clients in ${programs}`);
    const script = (name: string): string =>
      `echo "${found.major} ${name}" >>'${log}'; exec '${join(programs, name)}' "$@"`;
    const recording = await fakePrograms(minor === undefined ? found.version : `${found.major}.${minor}`, {
      pg_dump: script("pg_dump"),
      pg_restore: script("pg_restore"),
    });
    onTestFinished(() => recording[Symbol.asyncDispose]());
    directories.push(recording.directory);
  }
  return {
    directories,
    used: async () => (await read()).slice(forgotten),
    forget: async () => {
      forgotten = (await read()).length;
    },
  };
}

/** Makes a database in `server`, and a backup of it in a folder. */
async function backUpSample(
  server: SharedPostgres,
  dataops: Dataops,
  environment: Readonly<Record<string, string>>,
  sql: string,
) {
  const source = await createDatabase(server);
  onTestFinished(() => source.drop());
  await (await source.connect()).query(sql);
  const storage = {
    DATABASE_URL: urlFor(server, source.name),
    DATAOPS_STORAGE: `file://${await temporaryFolder("storage")}`,
  };
  const made = await dataops.run(["backup", "--json"], { environment: { ...storage, ...environment } });
  return { source, storage, made, manifest: manifestOf(made) };
}

/** What the comparison of databases reads schemas with: it looks for clients as the program does. */
function useClientsOf({ programs = "" }: SharedPostgres): void {
  vi.stubEnv("DATAOPS_POSTGRES_BIN", programs);
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** A name where there is no database yet: dropped after the test. */
function restoreTarget(server: SharedPostgres) {
  const name = uniqueName("restored");
  onTestFinished(() => runAsSuperuser(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return { name, url: urlFor(server, name), settings: settingsFor(server, { database: name }) };
}

function manifestOf(exit: DataopsExit): Manifest {
  expect(exit, exit.stdout + exit.stderr).toMatchObject({ code: 0 });
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the tests look at
  return exit.json() as Manifest;
}

/** The database of that name, and whatever else begins like it: a scratch database left behind. */
async function databasesLike(server: SharedPostgres, name: string): Promise<string[]> {
  await using client = await connect(settingsFor(server), { applicationName: "test" });
  const rows = await client.query<{ datname: string }>(
    "SELECT datname FROM pg_database WHERE starts_with(datname, $1)",
    [name],
  );
  return rows.map(({ datname }) => datname);
}
