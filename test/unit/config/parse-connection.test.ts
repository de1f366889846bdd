import { userInfo } from "node:os";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ConnectionSettings } from "../../../src/config/connection.ts";
import { defaultSocketDirectory } from "../../../src/config/connection-defaults.ts";
import type { Environment } from "../../../src/config/environment.ts";
import {
  connectionFromLibpq,
  connectionFromParts,
  describeConnection,
  parseConnection,
} from "../../../src/config/parse-connection.ts";
import { DataopsError } from "../../../src/errors.ts";

const NOWHERE = { HOME: "/nonexistent", PGSYSCONFDIR: "/nonexistent" };
const SOCKETS = defaultSocketDirectory();
const ME = userInfo().username;

/** The settings with the password as it is, so that tables can be compared. */
function plain(settings: ConnectionSettings): object {
  const { tls, password, origin: _, ...rest } = settings;
  return { ...rest, ...tls, password: password?.reveal() };
}

function parse(text: string, environment: Environment = {}): object {
  return plain(parseConnection(text, "DATABASE_URL", { ...NOWHERE, ...environment }));
}

function failureOf(action: () => unknown): DataopsError {
  try {
    action();
  } catch (error) {
    if (error instanceof DataopsError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const ann = {
  host: "db.example.com",
  port: 5432,
  user: "ann",
  password: undefined,
  database: "shop",
  mode: "prefer",
  rootCertificate: undefined,
  certificate: undefined,
  key: undefined,
  connectTimeout: 10,
};

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

describe("what is refused, and the way out", () => {
  const at = (query: string): string => `postgresql://ann@db.example.com/shop?${query}`;
  const encode = /^encode the password: .*@ %40/;
  test.for<[text: string, exit: string, message: RegExp, hint: RegExp]>([
    ["", "usage", /^DATABASE_URL: this is no PostgreSQL URL$/, /postgresql:\/\//],
    ["shop", "usage", /no PostgreSQL URL/, /postgresql:\/\//],
    ["mysql://ann:a=b@db/shop", "usage", /no PostgreSQL URL/, /postgresql:\/\//],
    ["postgresql+asyncpg://ann@db/shop?ssl=true", "usage", /no PostgreSQL URL/, /without a driver/],
    ["jdbc:postgresql://db/shop?user=ann", "usage", /no PostgreSQL URL/, /without a driver/],
    ["POSTGRES://ann@db/shop?ssl=true", "usage", /no PostgreSQL URL/, /postgresql:\/\//],
    ["postgresql://ann:p@ss@db/shop", "usage", /@ or a \/ in the user name or password/, encode],
    ["postgresql://ann:p/ss@db/shop", "usage", /@ or a \/ in the user name or password/, encode],
    ["postgresql://ann:12/ss@db/shop", "usage", /@ or a \/ in the user name or password/, encode],
    ["postgresql://ann:p@ss/w@db/shop", "usage", /@ or a \/ in the user name or password/, encode],
    ["postgresql://ann:p?ss@db/shop", "usage", /\? in the user name or password/, encode],
    ["postgresql://ann:100%@db/shop", "usage", /password in the URL has a % that two/, encode],
    ["postgresql://ann:%zz@db/shop", "usage", /password in the URL has a % that two/, encode],
    ["postgresql://ann:%ff@db/shop", "usage", /password in the URL is not UTF-8/, encode],
    ["postgresql://ann:%00@db/shop", "usage", /password has a control character/, /take it out/],
    ["postgresql://ann:a%0A@db/shop", "usage", /password has a control character/, /take it out/],
    ["postgresql://ann@db/shop\n", "usage", /database name has a control character/, /take it out/],
    ["postgresql://ann@db:0/shop", "usage", /port is not a number from 1 to 65535/, /encoded/],
    ["postgresql://ann@db:65536/shop", "usage", /port is not a number/, /encoded/],
    ["postgresql://ann@db:5432x/shop", "usage", /port is not a number/, /encoded/],
    ["postgresql://ann@[::1/shop", "usage", /no IPv6 address/, /\[::1\]/],
    ["postgresql://ann@[db]/shop", "usage", /no IPv6 address/, /\[::1\]/],
    ["postgresql://ann@[::1]5432/shop", "usage", /no IPv6 address/, /\[::1\]/],
    ["postgresql://ann@a,b/shop", "refused", /several servers/, /^give one server/],
    ["postgresql://ann@a:1,b:2/shop", "refused", /several servers/, /^give one server/],
    ["postgresql://ann@[::1],[::2]/shop", "refused", /several servers/, /^give one server/],
    [at("host=a,b"), "refused", /several servers/, /^give one server/],
    [at("port=1,2"), "refused", /several servers/, /^give one server/],
    ["host=a,b dbname=shop", "refused", /several servers/, /^give one server/],
    [at("host=db:5433"), "usage", /no host name/, /port/],
    [at("host=@abstract".replace("@", "%40")), "usage", /abstract namespace/, /folder/],
    [at("host=a%20b"), "usage", /no host name/, /name alone/],
    [at("hostaddr=10.0.0.1"), "usage", /hostaddr is not supported/, /take hostaddr out/],
    [
      at("options=-crole%3Dpostgres"),
      "usage",
      /options is not supported: it could change/,
      /take options out/,
    ],
    [at("sslnegotiation=direct"), "usage", /sslnegotiation with a value other than postgres/, /take/],
    [at("gssencmode=require"), "usage", /gssencmode with a value other than/, /take/],
    [at("target_session_attrs=standby"), "usage", /target_session_attrs/, /take/],
    [at("require_auth=scram-sha-256"), "usage", /require_auth is not supported/, /take/],
    [at("sslmod=require"), "usage", /unknown connection parameter sslmod$/, /did you mean sslmode\?/],
    [
      "postgresql://ann:secret@db/shop?sslmod=require",
      "usage",
      /parameter sslmod$/,
      /did you mean sslmode\?/,
    ],
    [at("frobnicate=1"), "usage", /unknown connection parameter frobnicate$/, /take frobnicate out/],
    [at("constructor=1"), "usage", /unknown connection parameter constructor$/, /./],
    [at("password=a&b=c"), "usage", /a parameter that libpq does not know$/, /%26/],
    [at("sslmode"), "usage", /not written as name=value/, /encode/],
    [at("password=a=b"), "usage", /not written as name=value/, /encode/],
    [at("sslmode=no-verify"), "usage", /no such sslmode/, /did you mean sslmode=require\?/],
    [at("sslmode=verify_full"), "usage", /no such sslmode/, /did you mean sslmode=verify-full\?/],
    [at("sslmode=x"), "usage", /no such sslmode/, /one of disable, allow/],
    [at("ssl=false"), "usage", /ssl can only be true/, /sslmode/],
    [at("connect_timeout=10s"), "usage", /connect_timeout is not a number/, /connect_timeout=10/],
    [at("connect_timeout=86401"), "usage", /connect_timeout is not a number/, /connect_timeout=10/],
    ["c2VjcmV0MQ==", "usage", /libpq does not know$/, /single quotes/],
    ["host=db dbname", "usage", /not written as name=value/, /single quotes/],
    ["host=db password='a", "usage", /not written as name=value/, /single quotes/],
    ["host=db password=a b=c", "usage", /libpq does not know$/, /single quotes/],
  ])("%s", ([text, exit, message, hint]) => {
    const error = failureOf(() => parse(text));
    expect(error).toMatchObject({
      exit,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(error.message).toMatch(/^DATABASE_URL: /);
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

// oxlint-disable-next-line no-control-regex -- they are refused, and tested above
const NOT_CONTROL = /^[^\u0000-\u001f\u007f-\u009f]+$/;
const word = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((text) => NOT_CONTROL.test(text));
const special = fc.string({
  unit: fc.constantFrom(...Array.from("@:/?#[]%&=+'\"$\\ ,;aZ9ß")),
  minLength: 1,
  maxLength: 12,
});
const name = fc.oneof(word, special);

test("any user, password and database arrive as they were, once encoded", () => {
  fc.assert(
    fc.property(name, name, name, (user, password, database) => {
      const encoded = [user, password, database].map((part) => encodeURIComponent(part));
      const url = `postgresql://${encoded[0]}:${encoded[1]}@db.example.com/${encoded[2]}`;
      expect(parse(url)).toEqual({ ...ann, user, password, database });
    }),
  );
});

test("any user, password and database arrive as they were, in a quoted keyword string", () => {
  fc.assert(
    fc.property(name, name, name, (user, password, database) => {
      const [u, p, d] = [user, password, database].map((part) => part.replaceAll(/[\\']/g, String.raw`\$&`));
      const text = `host=db.example.com user='${u}' password='${p}' dbname='${d}'`;
      expect(parse(text)).toEqual({ ...ann, user, password, database });
    }),
  );
});

describe("a password that is not encoded", () => {
  // These capitals stand in no message and in no other part of the connection.
  const sentinel = fc.constantFrom("Q", "X", "Z");
  const breaker = fc.constantFrom(...Array.from("@@//??##%%:&=[], '\\\n"));
  const password = fc
    .array(fc.oneof(sentinel, breaker), { minLength: 1, maxLength: 16 })
    .map((parts) => `Q${parts.join("")}Z`);

  /** What a user would see of it: the error, else the place it leads to. */
  function shown(text: string): string {
    try {
      const { host, port, database } = parseConnection(text, "DATABASE_URL", NOWHERE);
      return inspect({ host, port, database });
    } catch (error) {
      if (!(error instanceof DataopsError)) throw error;
      return inspect([error.message, error.hint, error.cause]);
    }
  }

  test.for<[string, (secret: string) => string]>([
    ["after the user name", (secret) => `postgresql://ann:${secret}@db.example.com/shop`],
    ["after digits", (secret) => `postgresql://ann:12/${secret}@db.example.com/shop`],
    ["without a colon", (secret) => `postgresql://${secret}@db.example.com:5433/shop?sslmode=require`],
    ["after an @", (secret) => `postgresql://ann:a@b/${secret}@db.example.com/shop`],
  ])("breaks the URL or arrives whole: no part is shown or taken for a place (%s)", ([, urlOf]) => {
    fc.assert(
      fc.property(password, (secret) => {
        expect(shown(urlOf(secret))).not.toMatch(/[QXZ]/);
      }),
      { numRuns: 2_000 },
    );
  });

  test.for<[string, (secret: string) => string]>([
    ["in a query", (secret) => `postgresql://ann@db.example.com/shop?password=${secret}`],
    ["at the end of a keyword string", (secret) => `host=db.example.com dbname=shop password=${secret}`],
    ["at the start of a keyword string", (secret) => `password=${secret} host=db.example.com dbname=shop`],
  ])("no part of it is shown (%s)", ([, textOf]) => {
    fc.assert(
      fc.property(password, (secret) => {
        expect(shown(textOf(secret))).not.toMatch(/[QXZ]/);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("describeConnection", () => {
  test.for([
    ["postgres://ann:secret@db.example.com:5432/shop", "postgresql://ann@db.example.com/shop"],
    ["postgres://ann@db.example.com:6432/sh%2Fop", "postgresql://ann@db.example.com:6432/sh%2Fop"],
    ["postgres://a%40b@[::1]/shop?ssl=true", "postgresql://a%40b@[::1]/shop?sslmode=require"],
    ["postgres://ann@%2Frun%2Fpg:5433/shop", "postgresql://ann@:5433/shop?host=/run/pg"],
    [
      "host=db user=ann dbname=shop password=x connect_timeout=3",
      "postgresql://ann@db/shop?connect_timeout=3",
    ],
  ] as const)("%s", ([text, expected]) => {
    expect(describeConnection(parseConnection(text, "here", NOWHERE))).toBe(expected);
  });

  test("leads to the same place, and holds no password", () => {
    const optional = fc.option(name, { nil: undefined });
    const settings = fc.record({
      host: fc.constantFrom("db.example.com", "::1", "fe80::1%eth0", "/run/a b", "/run/%&?#"),
      port: fc.integer({ min: 1, max: 65_535 }),
      user: name,
      database: name,
      tls: fc.record({
        mode: fc.constantFrom("disable", "prefer", "require", "verify-full"),
        rootCertificate: fc.option(
          word.filter((path) => path !== "system"),
          { nil: undefined },
        ),
        certificate: optional,
        key: optional,
      }),
      connectTimeout: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(settings, (settings) => {
        const whole = { ...settings, password: undefined, origin: "here" };
        expect(parseConnection(describeConnection(whole), "here", NOWHERE)).toEqual(whole);
      }),
    );
  });
});
