import { userInfo } from "node:os";
import { describe, expect, test } from "vitest";
import { defaultSocketDirectory } from "../../../src/config/connection-defaults.ts";
import { ann, failureOf, parse } from "../../support/connection-strings.ts";

const SOCKETS = defaultSocketDirectory();
const ME = userInfo().username;

describe("what libpq reads, and how", () => {
  test.for<[string, object]>([
    ["postgres://ann@db.example.com/shop", {}],
    ["postgresql://ann@db.example.com:6432/shop", { port: 6432 }],
    ["postgresql://ann:secret@db.example.com/shop", { password: "secret" }],
    ["postgresql://ann:@db.example.com/shop", {}],
    ["postgresql://ann:se:cr#et&$'!@db.example.com/shop", { password: "se:cr#et&$'!" }],
    [
      "postgresql://a%40b:%40%3A%2F%23%25%26%27%24%3F@db.example.com/shop",
      { user: "a@b", password: "@:/#%&'$?" },
    ],
    ["postgresql://ann:a+b@db.example.com/shop", { password: "a+b" }],
    ["postgresql://ann:gr%C3%BC%C3%9Fe@db.example.com/sh%20op", { password: "grüße", database: "sh op" }],
    ["postgresql://ann:grüße@db.example.com/shop", { password: "grüße" }],
    ["postgresql://ann@db.example.com/a/b#c", { database: "a/b#c" }],
    ["postgresql://ann@[::1]:5433/shop", { host: "::1", port: 5433 }],
    ["postgresql://ann@[2001:db8::1]/shop", { host: "2001:db8::1" }],
    ["postgresql://ann@[fe80::1%25eth0]/shop", { host: "fe80::1%eth0" }],
    ["postgresql://ann@10.0.0.1/shop", { host: "10.0.0.1" }],
    ["postgresql://ann@%2Fvar%2Frun%2Fpostgresql/shop", { host: "/var/run/postgresql" }],
    ["postgresql://ann@%2Ftmp:5433/shop", { host: "/tmp", port: 5433 }],
    ["postgresql:///shop?host=/run/pg&user=ann", { host: "/run/pg" }],
    ["postgresql://ann@:5433/shop?host=/run/pg", { host: "/run/pg", port: 5433 }],
    ["postgresql://ann@elsewhere/other?host=db.example.com&dbname=shop", {}],
    ["postgresql://ann@db.example.com?dbname=shop", {}],
    ["postgresql://db.example.com/shop?user=ann&password=a%26b%3Dc", { password: "a&b=c" }],
    ["postgresql://ann@db.example.com/shop?port=1&port=2&", { port: 2 }],
    ["postgresql://ann@/shop", { host: SOCKETS }],
    ["postgresql:///shop", { host: SOCKETS, user: ME }],
    ["postgresql://", { host: SOCKETS, user: ME, database: ME }],
    ["postgresql://ann@db.example.com", { database: "ann" }],
    ["postgresql://ann@db.example.com/", { database: "ann" }],
    ["postgresql://ann@db.example.com/shop?sslmode=verify-full", { mode: "verify-full" }],
    ["postgresql://ann@db.example.com/shop?ssl=true", { mode: "require" }],
    [
      "postgresql://ann@db.example.com/shop?sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem&sslmode=verify-ca",
      { mode: "verify-ca", rootCertificate: "/ca.pem", certificate: "/c.pem", key: "/k.pem" },
    ],
    [
      "postgresql://ann@db.example.com/shop?sslrootcert=system",
      { mode: "verify-full", rootCertificate: "system" },
    ],
    [
      "postgresql://ann@db.example.com/shop?sslrootcert=system&sslmode=require",
      { mode: "require", rootCertificate: "system" },
    ],
    ["postgresql://ann@db.example.com/shop?connect_timeout=3", { connectTimeout: 3 }],
    ["postgresql://ann@db.example.com/shop?connect_timeout=0", {}],
    ["postgresql://ann@db.example.com/shop?connect_timeout=-1", {}],
    ["host=db.example.com dbname=shop user=ann", {}],
    ["  host = db.example.com\ndbname='shop'user='ann'  ", {}],
    [
      String.raw`host=db.example.com dbname=shop user=ann password='it\'s \\ = a b'`,
      { password: String.raw`it's \ = a b` },
    ],
    [String.raw`host=db.example.com dbname=shop user=ann password=it's\ a\ `, { password: "it's a " }],
    ["host=db.example.com dbname=shop user=ann password=postgres://x", { password: "postgres://x" }],
    ["host=db.example.com dbname=shop user=ann password='' port=5433", { port: 5433 }],
    ["dbname=other host=db.example.com user=ann dbname=shop port=''", {}],
  ])("%s", ([text, expected]) => {
    expect(parse(text)).toEqual({ ...ann, ...expected });
  });
});

describe("what a framework or libpq adds and changes nothing here is passed over", () => {
  test.for([
    "schema=public&connection_limit=5&pgbouncer=true&pool_timeout=10&sslaccept=strict",
    "conn_max_age=600",
    "pool=5&prepared_statements=false&encoding=utf8",
    "application_name=shop&keepalives_idle=30&tcp_user_timeout=1000&client_encoding=UTF8",
    "channel_binding=require&target_session_attrs=read-write&gssencmode=disable&sslnegotiation=postgres",
    "options=&hostaddr=",
  ])("%s", (query) => {
    expect(parse(`postgresql://ann@db.example.com/shop?${query}`)).toEqual(ann);
  });
});

describe("what a URL leaves open", () => {
  const environment = {
    PGHOST: "db.example.com",
    PGPORT: "6432",
    PGUSER: "ann",
    PGPASSWORD: "secret",
    PGDATABASE: "shop",
    PGSSLMODE: "verify-ca",
    PGSSLROOTCERT: "/ca.pem",
    PGSSLCERT: "/c.pem",
    PGSSLKEY: "/k.pem",
    PGCONNECT_TIMEOUT: "3",
  };
  const full = {
    ...ann,
    port: 6432,
    password: "secret",
    mode: "verify-ca",
    rootCertificate: "/ca.pem",
    certificate: "/c.pem",
    key: "/k.pem",
    connectTimeout: 3,
  };

  test("comes from libpq's variables", () => {
    expect(parse("postgresql://", environment)).toEqual(full);
  });

  test("is only what it leaves open", () => {
    const url =
      "postgresql://bob:x@other:1/books?sslmode=require&sslrootcert=/1&sslcert=/2&sslkey=/3&connect_timeout=4";
    expect(parse(url, environment)).toEqual(parse(url));
  });

  test("an empty variable counts as none", () => {
    const empty = Object.fromEntries(Object.keys(environment).map((name) => [name, ""]));
    expect(parse("postgresql://", { ...empty, PGSERVICE: "" })).toEqual(parse("postgresql://"));
  });

  test("an unnamed database is the user's", () => {
    expect(parse("postgresql://", { PGUSER: "bob" })).toMatchObject({ user: "bob", database: "bob" });
  });

  test.for<[variable: string, value: string, exit: string]>([
    ["PGPORT", "x", "usage"],
    ["PGPORT", "1,2", "refused"],
    ["PGHOST", "a,b", "refused"],
    ["PGSSLMODE", "on", "usage"],
    ["PGHOSTADDR", "10.0.0.1", "usage"],
    ["PGPASSWORD", "a\nb", "usage"],
  ])("a variable that is not valid is named: %s=%s", ([variable, value, exit]) => {
    const error = failureOf(() => parse("postgresql://", { [variable]: value }));
    expect(error).toMatchObject({ exit, message: expect.stringMatching(`^${variable}: `) });
  });
});
