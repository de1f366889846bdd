import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { connectionFromLibpq, connectionFromParts } from "../../../src/config/parse-connection.ts";
import { ann, failureOf, NOWHERE, plain } from "../../support/connection-strings.ts";

describe("connectionFromParts", () => {
  const none = { host: undefined, port: undefined, name: undefined, user: undefined, password: undefined };

  test("takes each part as it is, encoded or not", () => {
    const parts = {
      host: "db.example.com",
      port: "6432",
      name: "sh%20op",
      user: "a@b",
      password: "%zz:/@?#",
    };
    expect(plain(connectionFromParts(parts, "DB_HOST", NOWHERE))).toEqual({
      ...ann,
      port: 6432,
      database: "sh%20op",
      user: "a@b",
      password: "%zz:/@?#",
    });
  });

  test("fills in the rest from libpq's variables", () => {
    const environment = { ...NOWHERE, PGUSER: "ann", PGSSLMODE: "require" };
    const parts = { ...none, host: "db.example.com", name: "shop" };
    expect(plain(connectionFromParts(parts, "DB_HOST", environment))).toEqual({ ...ann, mode: "require" });
  });

  test("refuses a URL as host", () => {
    const parts = { ...none, host: "postgres://ann:secret@db/shop" };
    const error = failureOf(() => connectionFromParts(parts, "DB_HOST", NOWHERE));
    expect(error.exit).toBe("usage");
    expect(inspect(error)).not.toContain("secret");
  });
});

describe("connectionFromLibpq", () => {
  test("is nothing where nothing names a place or a user", () => {
    expect(connectionFromLibpq({ ...NOWHERE, PGPASSWORD: "x", PGPORT: "1", PGHOST: "" })).toBeUndefined();
  });

  test("takes libpq's variables, and names those that were set", () => {
    const environment = { ...NOWHERE, PGHOST: "db.example.com", PGUSER: "ann", PGDATABASE: "shop" };
    const settings = connectionFromLibpq(environment);
    expect(settings?.origin).toBe("PGHOST, PGDATABASE, PGUSER");
    expect(settings && plain(settings)).toEqual(ann);
  });
});
