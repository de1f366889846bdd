import { readdirSync } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { ConnectionSettings } from "../../../src/config/connection.ts";
import { Secret } from "../../../src/config/secret.ts";
import { findPassword, renderPassfileLine } from "../../../src/postgres/passfile.ts";
import {
  databaseOption,
  environmentForTools,
  renderForTools,
} from "../../../src/postgres/settings-for-tools.ts";
import { spawnTool } from "../../../src/postgres/tools.ts";
import { fakePrograms } from "../../support/fake-program.ts";

const settings: ConnectionSettings = {
  host: "db.example.org",
  port: 6543,
  user: "app user",
  password: new Secret(String.raw`p:a\s's"@/#%&$`),
  database: "app=1",
  tls: {
    mode: "verify-ca",
    rootCertificate: "/etc/root.pem",
    certificate: "/etc/me.pem",
    key: "/etc/me.key",
  },
  connectTimeout: 2.5,
  origin: "the test",
};

describe("settings as the programs take them", () => {
  test("say where to connect, all of it, and no secret", () => {
    const rendered = renderForTools(settings);
    expect(rendered.env).toEqual({
      PGHOST: "db.example.org",
      PGPORT: "6543",
      PGUSER: "app user",
      PGDATABASE: "app=1",
      PGSSLMODE: "verify-ca",
      PGSSLROOTCERT: "/etc/root.pem",
      PGSSLCERT: "/etc/me.pem",
      PGSSLKEY: "/etc/me.key",
      PGCONNECT_TIMEOUT: "3",
      PGGSSENCMODE: "disable",
    });
    expect(rendered.passfile).toBe(String.raw`*:*:*:*:p\:a\\s's"@/#%&$` + "\n");
  });

  test("need no passfile without a password", () => {
    expect(renderForTools({ ...settings, password: undefined }).passfile).toBeUndefined();
  });

  test("refuse a password that no passfile can hold", () => {
    for (const password of ["two\nlines", "a\0b"]) {
      expect(() => renderForTools({ ...settings, password: new Secret(password) })).toThrow(
        expect.objectContaining({ exit: "usage", message: expect.not.stringContaining(password) }),
      );
    }
  });

  test("inherit what a program needs of the machine, and not one PG variable", () => {
    const inherited = {
      PATH: "/bin",
      HOME: "/home/me",
      PGSERVICE: "production",
      PGHOSTADDR: "10.0.0.1",
      PGOPTIONS: "-c x=1",
      PGPASSWORD: "secret",
      AWS_SECRET_ACCESS_KEY: "secret",
      LANG: "de_DE.UTF-8",
    };
    expect(environmentForTools(inherited, { PGHOST: "h" })).toEqual({
      PATH: "/bin",
      HOME: "/home/me",
      LANG: "C",
      LC_ALL: "C",
      PGHOST: "h",
    });
  });

  test("quote a database's name as a connection string", () => {
    expect(databaseOption("plain")).toBe("--dbname=dbname='plain'");
    expect(databaseOption(String.raw`host=evil '\ x`)).toBe(String.raw`--dbname=dbname='host=evil \'\\ x'`);
  });
});

describe("a passfile", () => {
  const word = fc.string({ unit: "binary" }).filter((value) => value !== "" && !/[\n\r\0]/.test(value));

  test("gives back what was put in, whatever characters", () => {
    fc.assert(
      fc.property(word, word, word, word, (host, database, user, password) => {
        fc.pre(!host.startsWith("#") && !host.startsWith("/"));
        const line = renderPassfileLine([host, "5432", database, user, password]);
        return findPassword(line, { host, port: 5432, database, user }) === password;
      }),
    );
  });

  test.each([
    { content: "h:1:d:u:first\nh:1:d:u:second\n", finds: "first", why: "the first match wins" },
    { content: "# h:1:d:u:comment\n*:*:*:*:any\n", finds: "any", why: "a star matches anything" },
    {
      content: "other:1:d:u:x\nh:2:d:u:x\nh:1:e:u:x\nh:1:d:v:x\n",
      finds: undefined,
      why: "every field must match",
    },
    { content: "h:1:d:u:with:colon\r\n", finds: "with:colon", why: "the rest is the password" },
    { content: "h:1:d:u:\nh:1:d\n\n", finds: undefined, why: "no password, no match" },
  ])("$why", ({ content, finds }) => {
    expect(findPassword(content, { host: "h", port: 1, database: "d", user: "u" })).toBe(finds);
  });

  test("knows a socket as localhost", () => {
    const where = { host: "/var/run/postgresql", port: 5432, database: "d", user: "u" };
    expect(findPassword("localhost:*:*:*:secret", where)).toBe("secret");
    expect(findPassword("/var/run/postgresql:*:*:*:secret", where)).toBe("secret");
  });
});

describe("a running program", () => {
  test("sees its password in a passfile for it alone, gone afterwards; not in arguments or environment", async () => {
    await using programs = await fakePrograms("15.20", {
      pg_dump:
        'cat "$PGPASSFILE"; echo "$PGPASSFILE"; stat -c %a "$PGPASSFILE" "$(dirname "$PGPASSFILE")"; env; tr "\\0" " " </proc/$$/cmdline',
    });
    const environment = { PATH: process.env["PATH"], PGSERVICE: "production", PGPASSWORD: "inherited" };
    const running = spawnTool({ directory: programs.directory, program: "pg_dump" }, ["--verbose"], {
      settings,
      applicationName: "dataops:test",
      environment,
    });
    const said = await text(running.stdout);
    expect(await running.exited).toMatchObject({ code: 0, stderr: [] });
    const [line, path = "", fileMode, folderMode, ...rest] = said.split("\n");
    expect(line).toBe(String.raw`*:*:*:*:p\:a\\s's"@/#%&$`);
    expect([fileMode, folderMode]).toEqual(["600", "700"]);
    expect(rest.join("\n")).not.toContain("@/#%&$");
    expect(rest.join("\n")).not.toMatch(/PGSERVICE|PGPASSWORD|inherited/);
    expect(rest).toContain("PGAPPNAME=dataops:test");
    await expect(stat(dirname(path))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("without a password of ours keeps the user's own passfile", async () => {
    await using programs = await fakePrograms("15.20", { pg_dump: 'echo "$PGPASSFILE"' });
    const running = spawnTool({ directory: programs.directory, program: "pg_dump" }, [], {
      settings: { ...settings, password: undefined },
      environment: { PATH: process.env["PATH"], PGPASSFILE: "/home/me/pass" },
    });
    expect(await text(running.stdout)).toBe("/home/me/pass\n");
  });

  test("leaves no passfile behind when it cannot be started", async ({ onTestFinished }) => {
    const folder = await mkdtemp(join(tmpdir(), "dataops-temporary-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const running = spawnTool({ directory: "/nowhere", program: "pg_dump" }, [], { settings });
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await running.exited).toMatchObject({ code: null, startError: { code: "ENOENT" } });
    expect(await readdir(folder)).toEqual([]);
  });
});
