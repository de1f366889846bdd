import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, vi } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { connect } from "../../../src/postgres/client.ts";
import { sqlStateOf } from "../../../src/postgres/postgres-error.ts";
import { quoteIdentifier, quoteLiteral } from "../../../src/postgres/quote.ts";
import { freePort, listen } from "../../support/ports.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { runAsSuperuser, test, uniqueName } from "../../support/postgres-test.ts";

const options = { applicationName: "dataops:test" };

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("a connection", () => {
  test("arrives with a password that has every awkward character, over TCP and over a socket", async ({
    database,
  }) => {
    const { socketDirectory } = database.server;
    for (const host of [database.settings.host, socketDirectory ?? database.settings.host]) {
      await using client = await connect({ ...database.settings, host }, options);
      const [row] = await client.query(
        "SELECT current_database() AS name, current_setting('application_name') AS app",
      );
      expect(row).toEqual({ name: database.name, app: "dataops:test" });
    }
  });

  test("reads the password from the user's passfile, and takes nothing else from the environment", async ({
    database,
    onTestFinished,
  }) => {
    const home = await mkdtemp(join(tmpdir(), "dataops-home-"));
    onTestFinished(() => rm(home, { recursive: true }));
    const escaped = database.server.password.replaceAll(/[\\:]/g, String.raw`\$&`);
    await writeFile(join(home, ".pgpass"), `127.0.0.1:*:*:*:${escaped}\n`, { mode: 0o600 });
    for (const [name, value] of Object.entries({
      PGOPTIONS: "-c work_mem=7MB",
      PGPASSWORD: "wrong",
      PGREPLICATION: "true",
      PGSSLMODE: "verify-full",
      PGDATABASE: "other",
      PGAPPNAME: "other",
    })) {
      vi.stubEnv(name, value);
    }
    const settings = { ...database.settings, password: undefined };
    await using client = await connect(settings, { ...options, environment: { HOME: home } });
    const [row] = await client.query(
      "SELECT current_database() AS name, current_setting('work_mem') AS memory",
    );
    expect(row).toEqual({ name: database.name, memory: "4MB" });
  });

  test("decodes bigint as text, gives the last statement's rows, and passes parameters", async ({
    database,
  }) => {
    await using client = await connect(database.settings, options);
    expect(await client.query("SELECT 9007199254740993::bigint AS big")).toEqual([
      { big: "9007199254740993" },
    ]);
    expect(await client.query("SELECT 1 AS one; SELECT 2 AS two")).toEqual([{ two: 2 }]);
    expect(await client.query("SELECT $1::text AS text", ["it's"])).toEqual([{ text: "it's" }]);
  });

  test("reads UTF-8 from a database in another encoding", async ({ postgres15, onTestFinished }) => {
    const name = uniqueName("latin");
    await runAsSuperuser(postgres15, `CREATE DATABASE ${name} ENCODING LATIN1 TEMPLATE template0 LOCALE 'C'`);
    onTestFinished(() => runAsSuperuser(postgres15, `DROP DATABASE ${name}`));
    await using client = await connect(settingsFor(postgres15, { database: name }), options);
    expect(await client.query("SELECT chr(233) AS letter")).toEqual([{ letter: "é" }]);
  });
});

describe("what goes wrong", () => {
  test("a wrong password is not permitted", async ({ database }) => {
    for (const password of ["wrong", "", "w:r@o/n#g%&'$\\\""]) {
      const failure = connect({ ...database.settings, password: new Secret(password) }, options);
      await expect(failure).rejects.toMatchObject({
        exit: "notPermitted",
        message: expect.stringMatching(/^cannot log in to database \S+ at 127\.0\.0\.1:\d+: /),
        hint: "check the user and the password in the test",
      });
      await expect(failure).rejects.not.toThrow(password === "" ? "s3ntinel" : password);
    }
  });

  test("no password is said so", async ({ database }) => {
    const failure = connect({ ...database.settings, password: undefined }, { ...options, environment: {} });
    await expect(failure).rejects.toMatchObject({ exit: "notPermitted", message: /asks for a password/ });
  });

  test("an unknown role, a database that is not there", async ({ database }) => {
    const unknownRole = connect({ ...database.settings, user: "nobody here" }, options);
    await expect(unknownRole).rejects.toMatchObject({ exit: "notPermitted" });
    const unknownDatabase = connect(database.settings, { ...options, database: "not there" });
    await expect(unknownDatabase).rejects.toMatchObject({
      exit: "unreachable",
      message: expect.stringContaining('database "not there" does not exist'),
      hint: "create it, or correct its name in the test",
    });
  });

  test("a server that is not there: port, host name, socket", async ({ database }) => {
    const nobodyListens = { ...database.settings, port: await freePort() };
    await expect(connect(nobodyListens, options)).rejects.toMatchObject({
      exit: "unreachable",
      message: expect.stringContaining("connection refused"),
    });
    await expect(connect({ ...database.settings, host: "db.invalid" }, options)).rejects.toMatchObject({
      exit: "unreachable",
      message: expect.stringContaining("host name"),
    });
    await expect(connect({ ...database.settings, host: "/nowhere" }, options)).rejects.toMatchObject({
      exit: "unreachable",
      message: expect.stringContaining("there is no such socket"),
    });
  });

  test("a server that never answers is given up after the connect timeout", async ({
    database,
    onTestFinished,
  }) => {
    const silent = createServer();
    const port = await listen(silent);
    onTestFinished(() => void silent.close());
    const settings = { ...database.settings, port, connectTimeout: 1 };
    await expect(connect(settings, options)).rejects.toMatchObject({ exit: "unreachable" });
  });

  test("a statement's failure has the server's words and code; a missing grant is not permitted", async ({
    database,
  }) => {
    await using client = await connect(database.settings, options);
    const failure = await client.query("SELECT * FROM nothing").catch((error: unknown) => error);
    expect(failure).toMatchObject({
      exit: "failed",
      message: expect.stringContaining('relation "nothing" does not exist'),
    });
    expect(sqlStateOf(failure)).toBe("42P01");
    const role = uniqueName("plain");
    await client.query(`CREATE TABLE secret (); CREATE ROLE ${role}; SET ROLE ${role}`);
    await expect(client.query("SELECT FROM secret")).rejects.toMatchObject({ exit: "notPermitted" });
    await client.query(`RESET ROLE; DROP ROLE ${role}`);
  });

  test("a session that the server ends fails the statement, and is closed", async ({ database }) => {
    await using client = await connect(database.settings, options);
    await using other = await connect(database.settings, options);
    const running = client.query("SELECT pg_sleep(60)").catch((error: unknown) => error);
    await other.query("SELECT pg_terminate_backend($1)", [client.processId]);
    expect(await running).toMatchObject({
      exit: "failed",
      message: expect.stringContaining("ended our session"),
    });
    await expect.poll(() => client.closed).toBe(true);
    await expect(client.query("SELECT 1")).rejects.toMatchObject({ exit: "unreachable" });
  });
});

describe("an abort", () => {
  test("ends the statement on the server too, at once, with the signal's reason", async ({ database }) => {
    const controller = new AbortController();
    const client = await connect(database.settings, { ...options, signal: controller.signal });
    await using other = await connect(database.settings, options);
    const running = client
      .query("SELECT count(*) FROM generate_series(1, 1000000000000)")
      .catch((error: unknown) => error);
    const isRunning = async (): Promise<boolean> => {
      const rows = await other.query("SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active'", [
        client.processId,
      ]);
      return rows.length > 0;
    };
    await expect.poll(isRunning).toBe(true);
    const reason = new Error("stop now");
    controller.abort(reason);
    expect(await running).toBe(reason);
    await expect.poll(isRunning).toBe(false);
    await client[Symbol.asyncDispose]();
    await expect(client.query("SELECT 1")).rejects.toBe(reason);
  });

  test("before and during the connecting gives the reason", async ({ database, onTestFinished }) => {
    const reason = new Error("stop now");
    await expect(connect(database.settings, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const controller = new AbortController();
    const connecting = connect(database.settings, { ...options, signal: controller.signal });
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);

    const silent = createServer();
    const accepted = new Promise((resolve) => silent.once("connection", resolve));
    const port = await listen(silent);
    onTestFinished(() => void silent.close());
    const late = new AbortController();
    const waiting = connect({ ...database.settings, port }, { ...options, signal: late.signal });
    await accepted;
    late.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test("leaves no session behind when disposed", async ({ database }) => {
    const client = await connect(database.settings, options);
    await client[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
    await using other = await connect(database.settings, options);
    const sessions = (): Promise<unknown[]> =>
      other.query("SELECT FROM pg_stat_activity WHERE pid = $1", [client.processId]);
    await expect.poll(sessions).toEqual([]);
  });
});

describe("quoting", () => {
  test("survives any name and any text", async ({ database }) => {
    await using client = await connect(database.settings, options);
    const awkward = [
      "it's",
      'a "b"',
      String.raw`back\slash'`,
      "new\nline",
      "emoji 🐘",
      "$1",
      "%s",
      "--",
      " ",
    ];
    for (const setting of ["on", "off"]) {
      await client.query(`SET standard_conforming_strings = ${setting}; SET escape_string_warning = off`);
      for (const text of awkward) {
        const rows = await client.query(`SELECT ${quoteLiteral(text)} AS ${quoteIdentifier(text)}`);
        expect(rows).toEqual([{ [text]: text }]);
      }
    }
  });
});
