import { DataopsError } from "../errors.ts";
import type { HttpConfig, HttpCredentials, ValueOrigin } from "./config.ts";
import type { Environment } from "./environment.ts";
import type { CheckedHttp } from "./http-schema.ts";
import { lateValue, resolveLateValue, sourcesOf, type Dereference } from "./late-value.ts";
import { Secret } from "./secret.ts";
import type { SecretSource } from "./secret-reference.ts";
import { readVariable } from "./variables.ts";

export interface HttpOptions {
  environment: Environment;
  secrets: SecretSource;
  /** ` in dataops.config.yaml`, for messages; empty where there is no file. */
  where: string;
  /** `dataops.config.yaml:3:10`: where the value at a path stands. */
  placeOf: (path: readonly PropertyKey[]) => string;
}

/** What an `Authorization` header can hold, and nobody guesses. */
const TOKEN = /^[\x21-\x7E]{16,1024}$/;
const USER = /^[^\p{Cc}:]{1,255}$/u;
const PASSWORD = /^\P{Cc}{8,1024}$/u;

/**
 * The section `http`. Its secrets and `PORT` are looked at when something is served: a laptop lacks the variables, or has a
 * `PORT` that is for something else.
 */
export function readHttp(checked: CheckedHttp, origins: ValueOrigin[], options: HttpOptions): HttpConfig {
  const { environment, where, placeOf } = options;
  const { host, port, token, basic } = checked;
  const late = { origin: `http${where}`, environment, secrets: options.secrets };
  const note = (path: readonly string[], texts: readonly string[]): void => {
    const origin = placeOf(path) + sourcesOf(texts, late);
    origins.push({ path: path.join("."), shown: "[redacted]", origin });
  };
  if (token !== undefined) note(["http", "token"], [token]);
  if (basic !== undefined) note(["http", "basic"], [basic.user, basic.password]);
  const texts = [token, basic?.user, basic?.password].flatMap((text) => text ?? []);

  return {
    host,
    get port() {
      return portIn(readVariable(environment, "PORT")) ?? port;
    },
    credentials:
      texts.length === 0
        ? undefined
        : lateValue(texts, late, (dereference) => credentialsOf(checked, options, dereference)),
  };
}

function credentialsOf(
  { token, basic }: CheckedHttp,
  { environment, where }: HttpOptions,
  dereference: Dereference,
): HttpCredentials {
  const read = (text: string, path: string, expected: RegExp, meaning: string): string => {
    const value = dereference(resolveLateValue(text, `${path}${where}`, environment));
    if (expected.test(value)) return value;
    throw new DataopsError("usage", `${path}${where}: expected ${meaning}`, {
      hint: "make one with `openssl rand -hex 24`",
    });
  };
  const readToken = (text: string): string =>
    read(text, "http.token", TOKEN, "16 characters or more, without spaces");
  const readUser = (text: string): string => read(text, "http.basic.user", USER, "a name without a colon");
  const readPassword = (text: string): string =>
    read(text, "http.basic.password", PASSWORD, "8 characters or more");
  return {
    token: token === undefined ? undefined : new Secret(readToken(token)),
    basic:
      basic === undefined
        ? undefined
        : { user: readUser(basic.user), password: new Secret(readPassword(basic.password)) },
  };
}

function portIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new DataopsError("usage", "PORT: expected a whole number from 0 to 65535", {
    hint: "unset it, and set `http.port`",
  });
}
