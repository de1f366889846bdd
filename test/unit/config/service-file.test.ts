import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectionFromLibpq, parseConnection } from "../../../src/config/parse-connection.ts";
import { findService, readService } from "../../../src/config/service-file.ts";
import { DataopsError } from "../../../src/errors.ts";

const CONTENT = `
# production
[shop]
host=db.example.com
  port=6432
# not the owner
user=ann
password=it's = secret #1
host=second.example.com

[shop2]
dbname=other
[books]
dbname=books
`;

describe("findService", () => {
  test("takes the section's lines, the first of two last", () => {
    expect(findService(CONTENT, "shop", "here")).toEqual([
      ["host", "second.example.com"],
      ["password", "it's = secret #1"],
      ["user", "ann"],
      ["port", "6432"],
      ["host", "db.example.com"],
    ]);
  });

  test("takes the whole name", () => {
    expect(findService(CONTENT, "shop2", "here")).toEqual([["dbname", "other"]]);
    expect(findService(CONTENT, "sho", "here")).toBeUndefined();
  });

  test("reads Windows line ends", () => {
    expect(findService("[a]\r\nhost=b\r\n", "a", "here")).toEqual([["host", "b"]]);
  });

  test.for([
    ["[a]\nhost", /^here, line 2: the line is not written/],
    ["[a]\n\nldap://ldap.example.com/dc=example", /^here, line 3: the line is not written/],
    ["[a]\nservice=b", /^here, line 2: a service cannot refer to another/],
  ] as const)("refuses %j", ([content, message]) => {
    expect(() => findService(content, "a", "here")).toThrow(message);
  });
});

describe("readService", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "dataops-service-"));
    mkdirSync(join(directory, "home"));
    mkdirSync(join(directory, "system"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (path: string, host: string, name = "shop"): void =>
    writeFileSync(join(directory, path), `[${name}]\nhost=${host}\n`);
  const environment = (more: Record<string, string> = {}): Record<string, string> => ({
    HOME: join(directory, "home"),
    PGSYSCONFDIR: join(directory, "system"),
    ...more,
  });

  test("looks in the user's file before the system's", () => {
    write("home/.pg_service.conf", "own");
    write("system/pg_service.conf", "system");
    const { parameters, origin } = readService("shop", undefined, environment());
    expect(parameters).toEqual({ host: "own" });
    expect(origin).toBe(`service shop in ${join(directory, "home/.pg_service.conf")}`);
  });

  test("looks in the system's file where the user's has no such service, or is not there", () => {
    write("system/pg_service.conf", "system");
    expect(readService("shop", undefined, environment()).parameters).toEqual({ host: "system" });
    write("home/.pg_service.conf", "own", "other");
    expect(readService("shop", undefined, environment()).parameters).toEqual({ host: "system" });
  });

  test("takes the file of PGSERVICEFILE instead of the user's, and a named one instead of both", () => {
    write("home/.pg_service.conf", "own");
    write("variable.conf", "variable");
    write("named.conf", "named");
    const PGSERVICEFILE = join(directory, "variable.conf");
    expect(readService("shop", undefined, environment({ PGSERVICEFILE })).parameters).toEqual({
      host: "variable",
    });
    const named = readService("shop", join(directory, "named.conf"), environment({ PGSERVICEFILE }));
    expect(named.parameters).toEqual({ host: "named" });
  });

  test("says where it looked for a service that is not there", () => {
    write("home/.pg_service.conf", "own", "other");
    expect(() => readService("shop", undefined, environment())).toThrow(
      expect.objectContaining({
        exit: "usage",
        message: 'there is no service "shop"',
        hint: expect.stringContaining(join(directory, "home/.pg_service.conf")),
      }),
    );
  });

  test("a named file must be there", () => {
    const PGSERVICEFILE = join(directory, "none.conf");
    expect(() => readService("shop", undefined, environment({ PGSERVICEFILE }))).toThrow(
      expect.objectContaining({ exit: "usage", message: expect.stringContaining(PGSERVICEFILE) }),
    );
  });

  test("refuses what a URL may not have either, and names the file", () => {
    writeFileSync(join(directory, "home/.pg_service.conf"), "[shop]\noptions=-crole=postgres\n");
    expect(() => readService("shop", undefined, environment())).toThrow(DataopsError);
    expect(() => readService("shop", undefined, environment())).toThrow(
      /^service shop in .*: the parameter options/,
    );
  });

  test("a URL wins over its service, the service over libpq's variables", () => {
    writeFileSync(join(directory, "home/.pg_service.conf"), "[shop]\nhost=h\nport=1\nuser=u\ndbname=d\n");
    const variables = environment({ PGPORT: "2", PGHOST: "x", PGSSLMODE: "require" });
    const settings = parseConnection("postgresql:///books?service=shop", "here", variables);
    expect(settings).toMatchObject({
      host: "h",
      port: 1,
      user: "u",
      database: "books",
      tls: { mode: "require" },
    });
    expect(settings.origin).toBe("here");
    expect(connectionFromLibpq({ ...variables, PGSERVICE: "shop" })).toMatchObject({
      host: "h",
      database: "d",
    });
  });

  test("a value in it that is not valid is told with its place", () => {
    write("home/.pg_service.conf", "a,b");
    expect(() => parseConnection("service=shop", "here", environment())).toThrow(
      expect.objectContaining({ exit: "refused", message: expect.stringMatching(/^service shop in /) }),
    );
  });
});
