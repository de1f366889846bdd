import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeConnection, parseConnection } from "../../../src/config/parse-connection.ts";
import { name, NOWHERE, word } from "../../support/connection-strings.ts";

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
