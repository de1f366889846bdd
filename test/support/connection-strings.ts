import fc from "fast-check";
import type { ConnectionSettings } from "../../src/config/connection.ts";
import type { Environment } from "../../src/config/environment.ts";
import { parseConnection } from "../../src/config/parse-connection.ts";
import { DataopsError } from "../../src/errors.ts";

/** Without a file of a user's or a machine's own. */
export const NOWHERE = { HOME: "/nonexistent", PGSYSCONFDIR: "/nonexistent" };

/** The settings with the password as it is, so that tables can be compared. */
export function plain(settings: ConnectionSettings): object {
  const { tls, password, origin: _, ...rest } = settings;
  return { ...rest, ...tls, password: password?.reveal() };
}

/** What a connection string comes to, in an environment that says nothing more. */
export function parse(text: string, environment: Environment = {}): object {
  return plain(parseConnection(text, "DATABASE_URL", { ...NOWHERE, ...environment }));
}

/** The error that `action` ends with; throws where it ends with none. */
export function failureOf(action: () => unknown): DataopsError {
  try {
    action();
  } catch (error) {
    if (error instanceof DataopsError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** What `postgresql://ann@db.example.com/shop` comes to. */
export const ann = {
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

// oxlint-disable-next-line no-control-regex -- they are refused, and tested above
const NOT_CONTROL = /^[^\u0000-\u001f\u007f-\u009f]+$/;
/** A name or password of anything but control characters. */
export const word = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((text) => NOT_CONTROL.test(text));
const special = fc.string({
  unit: fc.constantFrom(...Array.from("@:/?#[]%&=+'\"$\\ ,;aZ9ß")),
  minLength: 1,
  maxLength: 12,
});
/** The same, or what has a meaning in URLs and keyword strings. */
export const name = fc.oneof(word, special);
