import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/config/config-error.ts";
import type { Environment } from "../../../src/config/environment.ts";
import { requireDatabase } from "../../../src/config/select.ts";
import { isDataopsError } from "../../../src/errors.ts";

const WHOLE = `
storage: { url: s3://acme/dataops, endpoint: "https://s3.example.com", partSize: 16MiB, maxParts: "\${MAX_PARTS}" }
databases:
  production: { url: "\${DATABASE_URL}", environment: production }
  local: { url: "postgres://localhost/app", environment: development }
backup:
  production: { lockWaitTimeout: 1m, compressionLevel: 1, schedule: "0 */4 * * *", maxSizeChange: 25%, volatileTables: [jobs], keep: { last: "3", within: 2d } }
restore:
  local: { after: [{ sql: scripts/neutralise.sql }, { command: [bin/migrate, "--to=\${VERSION:-latest}"] }], jobs: 3 }
cache: { maxSize: 5GB }
`;

describe("a file", () => {
  test("comes to checked values, in milliseconds and bytes", async () => {
    const { config } = await load(WHOLE, { MAX_PARTS: "1000", HOME: "/home/someone" });
    expect(config.storage).toMatchObject({
      url: "s3://acme/dataops",
      partSize: 16 * 1024 ** 2,
      maxParts: 1000,
    });
    expect(config.backup["production"]).toEqual({
      format: "blocks",
      jobs: undefined,
      lockWaitTimeout: 60_000,
      stallTimeout: 300_000,
      compressionLevel: 1,
      schedule: "0 */4 * * *",
      timezone: "UTC",
      maxAge: undefined,
      minimum: 1,
      maxSizeChange: 0.25,
      maxVerificationAge: undefined,
      runMissed: undefined,
      timeout: 12 * 3_600_000,
      jitter: 0,
      blackouts: [],
      volatileTables: ["jobs"],
      keep: { last: 3, within: 2 * 86_400_000 },
    });
    expect(config.restore["local"]).toMatchObject({
      after: [{ sql: "scripts/neutralise.sql" }, { command: ["bin/migrate", "--to=latest"] }],
      jobs: 3,
      keepOld: true,
    });
    expect(config.cache).toEqual({ directory: "/home/someone/.cache/dataops", maxBytes: 5e9 });
  });

  test("is found in the working directory, by DATAOPS_CONFIG and by --config, the last one first", async () => {
    const { folder } = await load("databases: {}");
    const named = join(folder, "named.yaml");
    const flagged = join(folder, "flagged.yaml");
    await writeFile(named, "cache: { directory: /named }");
    await writeFile(flagged, "cache: { directory: /flagged }");
    const directoryOf = async (file: string | undefined, environment: Environment): Promise<string> =>
      (await loadConfig({ file, environment, workingDirectory: folder })).cache.directory;
    expect(await directoryOf(undefined, { HOME: "/home/x" })).toBe("/home/x/.cache/dataops");
    expect(await directoryOf(undefined, { DATAOPS_CONFIG: named })).toBe("/named");
    expect(await directoryOf("flagged.yaml", { DATAOPS_CONFIG: named })).toBe("/flagged");
  });

  test("needs only the variables of what is used", async () => {
    const { config } = await load(WHOLE, { MAX_PARTS: "1000" });
    expect(requireDatabase(config, "local").connection.peek()).toMatchObject({
      host: "localhost",
      database: "app",
    });
    expect(() => requireDatabase(config, "production").connection.peek()).toThrow(
      "databases.production.url in dataops.config.yaml: the variable DATABASE_URL is not set",
    );
  });

  test("takes a variable's value from the file that its _FILE names", async () => {
    const { folder } = await load("databases: {}");
    const secret = join(folder, "secret");
    await writeFile(secret, "postgres://app:s3cret@db/shop\n");
    const { config } = await load(WHOLE, { MAX_PARTS: "9", DATABASE_URL_FILE: secret });
    const connection = requireDatabase(config, "production").connection.peek();
    expect(connection?.database).toBe("shop");
    expect(connection?.password?.reveal()).toBe("s3cret");
    await expect(load("cache: { directory: '${DIR}' }", { DIR: "/a", DIR_FILE: secret })).rejects.toThrow(
      "both DIR and DIR_FILE are set",
    );
  });

  test("gives way to DATAOPS_STORAGE, and to no variable of an application", async () => {
    const { config } = await load(WHOLE, {
      MAX_PARTS: "1000",
      DATAOPS_STORAGE: "file:///backups",
      LOCAL_DATABASE_URL: "postgres://elsewhere/other",
    });
    expect(config.storage?.url).toBe("file:///backups");
    expect(config.databases["local"]?.connection.peek()?.host).toBe("localhost");
    expect(config.origins.find(({ path }) => path === "storage.url")?.origin).toBe(
      "environment variable DATAOPS_STORAGE",
    );
  });

  test("shows every value with its origin and no secret", async () => {
    const { config } = await load(WHOLE, {
      MAX_PARTS: "1000",
      DATABASE_URL: "postgres://app:s3ntinel@db.internal/shop",
      VERSION: "s3ntinel",
    });
    const byPath = Object.fromEntries(
      config.origins.map(({ path, shown, origin }) => [path, `${shown} | ${origin}`]),
    );
    expect(byPath["storage.maxParts"]).toBe("1000 | dataops.config.yaml:2:99, from ${MAX_PARTS}");
    expect(byPath["databases.production.url"]).toContain("db.internal");
    expect(byPath["databases.production.url"]).toContain("dataops.config.yaml:4:22, from ${DATABASE_URL}");
    expect(JSON.stringify(config.databases)).not.toContain("s3ntinel");
    expect(JSON.stringify(config.origins)).not.toContain("s3ntinel");
  });
});

describe("what is wrong is told with its place", () => {
  test.for([
    [
      "unknown key",
      "databasez: {}",
      'dataops.config.yaml:1:1: unknown key "databasez", did you mean databases?',
    ],
    [
      "unknown key inside",
      "databases:\n  production: { url: x, enviroment: production }",
      'dataops.config.yaml:2:25: databases.production: unknown key "enviroment", did you mean environment?',
    ],
    ["unknown key of a storage", "storage: { url: s3://a/b, pathStyle: true }", 'unknown key "pathStyle"'],
    ["missing key", "databases: { p: { url: x } }", "databases.p.environment: is missing"],
    [
      "a duration without a unit",
      "backup: { p: { stallTimeout: 30 } }",
      "backup.p.stallTimeout: expected a duration",
    ],
    ["a duration too short", "backup: { p: { stallTimeout: 5ms } }", "expected a duration from 1s to 1d"],
    [
      "a schedule that is none",
      'backup: { p: { schedule: "0 25 * * *" } }',
      "dataops.config.yaml:1:26: backup.p.schedule: not a cron pattern: invalid value for hour: 25",
    ],
    [
      "a time zone that is none",
      "backup: { p: { timezone: Mars/Olympus } }",
      "backup.p.timezone: expected a time zone by its IANA name",
    ],
    [
      "a share that is none",
      "backup: { p: { maxSizeChange: 0.5 } }",
      "backup.p.maxSizeChange: expected a percentage from 1% to 10000%",
    ],
    [
      "a bad number",
      "restore: { p: { jobs: many } }",
      "restore.p.jobs: expected a whole number from 1 to 64",
    ],
    [
      "a bad name",
      "databases: { 'A b': { url: x, environment: e } }",
      'the name "A b": expected a name of a-z',
    ],
    ["a step that is none", "restore: { p: { after: [{ sqll: x }] } }", "restore.p.after[0]"],
    ["no rule of retention", "backup: { p: { keep: {} } }", "backup.p.keep: expected at least one of last"],
    [
      "a rule of retention that keeps nothing",
      "backup: { p: { keep: { last: 0 } } }",
      "backup.p.keep.last: expected a whole number from 1 to 100000",
    ],
    [
      "an unknown rule of retention",
      "backup: { p: { keep: { dayly: 7 } } }",
      'unknown key "dayly", did you mean daily?',
    ],
    ["a list for a map", "databases: []", "databases: expected keys and values"],
    ["broken YAML", "databases: {", "dataops.config.yaml:1:13: not valid YAML"],
    ["a key twice", "storage: a\nstorage: b", "dataops.config.yaml:2:1: not valid YAML"],
    [
      "a variable that is not set",
      "storage: s3://${BUCKET}/x",
      "dataops.config.yaml:1:10: storage: the variable BUCKET is not set",
    ],
    ["a malformed reference", "storage: s3://${B UCKET}/x", "a variable is written ${NAME}"],
    [
      "a database that is not there",
      "backup: { nothere: {} }",
      "backup.nothere: there is no database nothere",
    ],
    [
      "a server to verify on that is not there",
      "databases: { here: { url: postgres://db/here, environment: production } }\nverify: { here: { server: nothere } }",
      "dataops.config.yaml:2:27: verify.here.server: there is no database nothere",
    ],
    [
      "an index to rebuild afterwards that is not there",
      "databases: { here: { url: postgres://db/here, environment: development } }\nrestore: { here: { then: [reindex nothere] } }",
      "restore.here.then[0]: there is no index nothere under indexes",
    ],
  ])("%s", async ([, text = "", expected = ""]) => {
    await expect(load(text)).rejects.toThrow(expected);
  });

  test("all of it, with the number of further problems in the message", async () => {
    const error = await load("foo: 1\nbar: 2\nbaz: 3").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ exit: "usage", message: expect.stringContaining("(and 2 more)") });
    expect(error instanceof ConfigError && error.problems).toHaveLength(3);
  });

  test("a file that is named and missing, or cannot be read", async () => {
    const missing = loadConfig({ file: "nothere.yaml", environment: {}, workingDirectory: "/" });
    await expect(missing).rejects.toSatisfy((error) => isDataopsError(error, "usage"));
  });

  test("without a value in it", async () => {
    const secret = "p@ss/word#%";
    const error = await load(`databases: { p: { url: "postgres://u:${secret}@h/d", environment: 5 } }`).catch(
      String,
    );
    expect(error).not.toContain("p@ss");
  });
});

describe("without a file the environment does", () => {
  test("by URLs", async () => {
    const config = await fromEnvironment({
      DATABASE_URL: "postgres://app@db.internal/shop",
      LOCAL_DATABASE_URL: "postgres://localhost/shop_dev",
      DATAOPS_STORAGE: "s3://acme/dataops",
    });
    const { production, local } = config.databases;
    expect(production?.environment).toBe("production");
    expect(production?.connection.peek()?.host).toBe("db.internal");
    expect(local?.environment).toBe("development");
    expect(local?.connection.peek()?.database).toBe("shop_dev");
    expect(config.storage?.url).toBe("s3://acme/dataops");
  });

  test("by DB_… with a password of any characters", async () => {
    const config = await fromEnvironment({
      DB_HOST: "db",
      DB_NAME: "shop",
      DB_USERNAME: "app",
      DB_PASSWORD: "@:/#%&'$",
    });
    const connection = requireDatabase(config, "production").connection.peek();
    expect(connection).toMatchObject({ host: "db", port: 5432, user: "app", database: "shop" });
    expect(connection?.password?.reveal()).toBe("@:/#%&'$");
  });

  test("by libpq's own variables", async () => {
    const config = await fromEnvironment({ PGHOST: "db", PGDATABASE: "shop", PGUSER: "app", PGPORT: "6000" });
    expect(requireDatabase(config, "production").connection.peek()).toMatchObject({
      host: "db",
      port: 6000,
      database: "shop",
    });
  });

  test("and says what is missing", async () => {
    const config = await fromEnvironment({});
    expect(() => requireDatabase(config, "production")).toThrow('there is no database "production"');
  });
});

async function fromEnvironment(environment: Environment) {
  return loadConfig({
    environment: { HOME: "/home/someone", ...environment },
    workingDirectory: await emptyFolder(),
  });
}

async function load(text: string, environment: Environment = {}) {
  const folder = await emptyFolder();
  const file = join(folder, "dataops.config.yaml");
  await writeFile(file, text);
  await chmod(file, 0o600);
  return { folder, config: await loadConfig({ environment, workingDirectory: folder }) };
}

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-config-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
