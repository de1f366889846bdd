import { describe, expect, test } from "vitest";
import { failureOf, parse } from "../../support/connection-strings.ts";

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
