import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished } from "vitest";
import { commandName, COMMANDS } from "../../src/commands/index.ts";
import { expectFailure } from "../support/command-line.ts";
import { expectOneLine, test } from "../support/e2e-test.ts";
import { inProcess } from "../support/in-process.ts";
import { freePort } from "../support/ports.ts";
import { urlFor } from "../support/postgres-servers.ts";
import { ServerUnavailable } from "../support/server-unavailable.ts";
import { runAsSuperuser, uniqueName } from "../support/postgres-test.ts";
import { sharedS3 } from "../support/shared-servers.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Commands that read the configuration, with what they need to get that far. `doctor` reports what is wrong with it instead. */
const READERS = [
  ["backup"],
  ["list"],
  ["show", "latest"],
  ["status"],
  ["check"],
  ["accept", "20261121"],
  ["keep", "20261121"],
  ["prune"],
  ["verify"],
  ["notify", "test"],
  ["seed", "staging"],
  ["daemon"],
  ["print", "iam-policy"],
  ["fetch-latest-db"],
  ["restore", "20261121", "--to", "local"],
  ["export", "20261121"],
  ["undo", "local"],
  ["stamp", "local", "development"],
  ["reindex"],
  ["config", "show"],
  ["config", "validate"],
] as const;

/** Of those, the ones that connect to production, named as such. */
const CONNECTORS = [
  ["backup"],
  ["undo", "production", "--yes"],
  ["stamp", "production", "staging", "--confirm", "x"],
] as const;

/** All that breaks URLs, shells, YAML and printf, if it goes where it should not. */
const WRONG_PASSWORD = "wr0ng@:/#%&'$";
/** What of it would be seen if it were printed, encoded or in part. */
const SEEN_PASSWORD = /wr0ng/;

describe("a configuration that cannot be read", () => {
  test.for(READERS)("is a mistake in usage to dataops %s", async (args) => {
    await expectFailure(
      inProcess,
      [...args, "--config", "/missing/dataops.yaml"],
      { environment: {} },
      {
        code: 2,
        message: / \/missing\/dataops\.yaml: there is no such file$/,
        hint: /--config.*`dataops init`/,
      },
    );
  });

  test("no command that reads it is forgotten here", () => {
    const others = ["init", "doctor", "completion"];
    expect(new Set([...READERS.map(([name]) => name), ...others])).toEqual(
      new Set(COMMANDS.map(commandName)),
    );
  });

  test.for<[what: string, text: string, message: RegExp]>([
    ["a key that is misspelt", "storge: s3://bucket\n", /:1:1: .*"storge", did you mean storage\?$/],
    [
      "a key that is misspelt, deeper",
      "databases:\n  production: { url: postgres://localhost/a, enviroment: production }\n",
      /:2:\d+: databases\.production: .*"enviroment", did you mean environment\?/,
    ],
    ["a key of nothing", "frobnicate: 1\n", /:1:1: unknown key "frobnicate", known: .*storage/],
    ["text that is not YAML", "storage: [s3://bucket\ndatabases: }\n", /:\d+:\d+: not valid YAML: /],
    ["a key twice", "storage: s3://a\nstorage: s3://b\n", /:2:1: not valid YAML: /],
    ["a list where keys belong", "databases: [production]\n", /databases: expected keys and values$/],
    ["a variable that is not set", 'storage: "${NOT_SET_ANYWHERE}"\n', /:1:10: storage: .*NOT_SET_ANYWHERE/],
    [
      "a setting for a database that is not there",
      "databases:\n  a: { url: postgres://localhost/a, environment: production }\nrestore:\n  b: {}\n",
      /:4:\d+: restore\.b: there is no database b/,
    ],
  ])("%s: its place is named", async ([, text, message]) => {
    const file = join(await temporaryFolder("config"), "dataops.yaml");
    await writeFile(file, text);
    for (const options of [
      { args: ["config", "validate", "--config", file], environment: {} },
      { args: ["list"], environment: { DATAOPS_CONFIG: file } },
    ]) {
      await expectFailure(
        inProcess,
        options.args,
        { environment: options.environment },
        { code: 2, message },
      );
    }
  });

  test("a storage of no known kind", async () => {
    const places = [
      { environment: { DATAOPS_STORAGE: "ftp://someone:wr0ng@bucket" } },
      { environment: {}, config: { storage: "ftp://someone:wr0ng@bucket" } },
    ];
    for (const place of places) {
      for (const args of [["config", "validate"], ["list"]]) {
        const expected = { code: 2, message: /^not a storage URL: ftp:/, hint: /s3:\/\/bucket/ };
        expect(await expectFailure(inProcess, args, place, expected)).not.toMatch(SEEN_PASSWORD);
      }
    }
  });

  test("all that is wrong is told by config validate", async ({ dataops }) => {
    const config = { storge: "s3://a", backup: { production: { every: "day" } }, cache: { nowhere: 1 } };
    const ended = await dataops.run(["config", "validate"], { environment: {}, config });
    expect(ended, ended.stderr).toMatchObject({ code: 2, stdout: "" });
    expectOneLine(ended);
    for (const key of ["storge", "every", "nowhere"])
      expect(ended.stderr).toMatch(new RegExp(`^(?:error|warning): .*${key}`, "m"));
  });
});

describe("something that is not configured", () => {
  const production = { DATABASE_URL: "postgres://localhost/app" };
  test.for<[args: string, environment: Record<string, string>, message: RegExp, hint: RegExp]>([
    ["list", {}, /^no storage is configured$/, /DATAOPS_STORAGE/],
    ["show latest", {}, /^no storage is configured$/, /DATAOPS_STORAGE/],
    ["backup", production, /^no storage is configured$/, /DATAOPS_STORAGE/],
    ["backup", {}, /^no database of the environment production is configured$/, /DATABASE_URL/],
    ["backup prodution", production, /^there is no database "prodution"/, /^did you mean production\?$/],
    ["undo staging", production, /^there is no database "staging"/, /production/],
    ["fetch-latest-db", production, /^no local database is configured$/, /LOCAL_DATABASE_URL/],
    ["fetch-latest-db --to lokal", production, /^there is no database "lokal"/, /production/],
    ["restore 20261121 --to lokal", production, /^there is no database "lokal"/, /production/],
    ["stamp lokal development", {}, /^there is no database "lokal"/, /`dataops init`/],
  ])("dataops %s", async ([args, environment, message, hint]) => {
    await expectFailure(inProcess, args.split(" "), { environment }, { code: 2, message, hint });
  });
});

describe("a server that is not there, or will not have us", () => {
  test.for(CONNECTORS)("nobody listens: dataops %s", async (args) => {
    const port = await freePort();
    const environment = {
      DATABASE_URL: `postgres://someone:${encodeURIComponent(WRONG_PASSWORD)}@127.0.0.1:${port}/app`,
      DATAOPS_STORAGE: `file://${await temporaryFolder("storage")}`,
    };
    const all = await expectFailure(
      inProcess,
      args,
      { environment },
      { code: 16, message: new RegExp(String(port)) },
    );
    expect(all).not.toMatch(SEEN_PASSWORD);
  });

  test.for(CONNECTORS)("a wrong password: dataops %s", async (args, { postgres15, dataops }) => {
    const parts = {
      DB_HOST: postgres15.host,
      DB_PORT: String(postgres15.port),
      DB_NAME: "postgres",
      DB_USERNAME: postgres15.user,
      DB_PASSWORD: WRONG_PASSWORD,
    };
    const storage = { DATAOPS_STORAGE: `file://${await temporaryFolder("storage")}` };
    const url = urlFor(postgres15, "postgres", { password: WRONG_PASSWORD });
    for (const database of [{ DATABASE_URL: url }, parts]) {
      const all = await expectFailure(
        dataops,
        args,
        { environment: { ...storage, ...database } },
        { code: 12, message: /password/ },
      );
      expect(all).not.toMatch(SEEN_PASSWORD);
    }
  });

  test("a password that breaks its URL: what to do is said, and nothing of it", async ({ dataops }) => {
    for (const password of ["wr0ng@wr0ng", "wr0ng/wr0ng", "wr0ng#wr0ng", "wr0ng%zz", "wr0ng?wr0ng"]) {
      const environment = {
        DATABASE_URL: `postgres://someone:${password}@127.0.0.1:1/app`,
        DATAOPS_STORAGE: "file:///nowhere",
      };
      const [told, json] = await Promise.all([
        dataops.run(["backup"], { environment }),
        dataops.run(["config", "show", "--json"], { environment }),
      ]);
      expect([2, 16], told.stderr).toContain(told.code);
      expect(told.stderr.match(/^error: /gm)).toHaveLength(1);
      expect([told, json].map(({ stdout, stderr }) => stdout + stderr).join("")).not.toMatch(SEEN_PASSWORD);
    }
  });

  test("a role that is not there", async ({ postgres15 }) => {
    const environment = {
      DATABASE_URL: urlFor(postgres15, "postgres", { user: "no such role" }),
      DATAOPS_STORAGE: `file://${await temporaryFolder("storage")}`,
    };
    await expectFailure(inProcess, ["backup"], { environment }, { code: 12, message: /no such role/ });
  });

  test("a role that may not connect", async ({ database }) => {
    const { server, name } = database;
    const role = uniqueName("barred");
    await runAsSuperuser(
      server,
      `CREATE ROLE ${role} LOGIN PASSWORD 'barred'; REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`,
    );
    onTestFinished(() => runAsSuperuser(server, `DROP ROLE ${role}`));
    const environment = {
      DATABASE_URL: urlFor(server, name, { user: role, password: "barred" }),
      DATAOPS_STORAGE: `file://${await temporaryFolder("storage")}`,
    };
    await expectFailure(inProcess, ["backup"], { environment }, { code: 12, message: new RegExp(name) });
  });

  test("a database that is not there", async ({ postgres15 }) => {
    const environment = {
      DATABASE_URL: urlFor(postgres15, "no such database"),
      DATAOPS_STORAGE: `file://${await temporaryFolder("storage")}`,
    };
    await expectFailure(inProcess, ["backup"], { environment }, { code: 16, message: /no such database/ });
  });
});

/** Most of their time the tries wait: so they wait side by side. */
describe.concurrent("a storage where nobody listens", () => {
  test("no command answers", async ({ dataops }) => {
    const environment = {
      DATAOPS_STORAGE: "s3://bucket/prefix",
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${await freePort()}`,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "someone",
      AWS_SECRET_ACCESS_KEY: WRONG_PASSWORD,
    };
    const all = await expectFailure(dataops, ["list"], { environment }, { code: 16, message: /bucket/ });
    expect(all).not.toMatch(SEEN_PASSWORD);
    expect(all, "who waits is told why").toContain("trying again");
  });

  test("that is no bad news of the backups, and no good news", async ({ dataops }) => {
    const environment = {
      DATABASE_URL: "postgres://localhost/app",
      DATAOPS_STORAGE: "s3://bucket/prefix",
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${await freePort()}`,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "someone",
      AWS_SECRET_ACCESS_KEY: WRONG_PASSWORD,
    };
    const [told, nagios] = await Promise.all([
      dataops.run(["check"], { environment }),
      dataops.run(["check", "--nagios"], { environment }),
    ]);
    expect(told, told.stderr).toMatchObject({ code: 16, stdout: "" });
    expect(nagios, nagios.stderr).toMatchObject({ code: 3 });
    expect(nagios.stdout).toMatch(/^DATAOPS UNKNOWN - .*bucket/);
    expect(nagios.stdout).not.toMatch(SEEN_PASSWORD);
  });
});

describe("a storage that is not there", () => {
  test("no such bucket", async ({ dataops, skip }) => {
    const server = await sharedS3("fauxqs").catch((error: unknown) => {
      if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
      return skip(error.message);
    });
    const environment = {
      DATAOPS_STORAGE: `s3://${uniqueName("missing").replace("_", "-")}/prefix`,
      AWS_ENDPOINT_URL_S3: server.endpoint,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    };
    for (const args of [["list"], ["show", "latest"], ["fetch-latest-db"]]) {
      await expectFailure(
        dataops,
        args,
        { environment: { ...environment, LOCAL_DATABASE_URL: "postgres://localhost/app" } },
        { code: 2, message: /missing-/, hint: /bucket/ },
      );
    }
  });

  test("a folder that is a file", async ({ dataops }) => {
    const file = join(await temporaryFolder("storage"), "file");
    await writeFile(file, "");
    const environment = { DATAOPS_STORAGE: `file://${file}` };
    const ended = await dataops.run(["list", "--json"], { environment });
    expect(ended.code, ended.stdout).not.toBe(0);
    expect(ended.json()).toMatchObject({ error: { code: ended.code } });
  });
});
