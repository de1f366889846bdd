import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConnection } from "../../../src/config/parse-connection.ts";
import { DataopsError } from "../../../src/errors.ts";
import { ann, name, NOWHERE, parse } from "../../support/connection-strings.ts";

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
