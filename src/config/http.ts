import { DataopsError } from "../errors.ts";
import type { HttpConfig, HttpCredentials, ValueOrigin } from "./config.ts";
import { variablesIn } from "./database.ts";
import type { Environment } from "./environment.ts";
import type { CheckedHttp } from "./http-schema.ts";
import { resolveLateValue } from "./late-value.ts";
import { Secret } from "./secret.ts";
import { readVariable } from "./variables.ts";

export interface HttpOptions {
  environment: Environment;
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
  const note = (path: readonly string[], text: string): void => {
    origins.push({ path: path.join("."), shown: "[redacted]", origin: placeOf(path) + variablesIn(text) });
  };
  if (token !== undefined) note(["http", "token"], token);
  if (basic !== undefined) note(["http", "basic"], `${basic.user} ${basic.password}`);
  const resolve = (text: string, path: string, expected: RegExp, meaning: string): string => {
    const value = resolveLateValue(text, `${path}${where}`, environment);
    if (expected.test(value)) return value;
    throw new DataopsError("usage", `${path}${where}: expected ${meaning}`, {
      hint: "make one with `openssl rand -hex 24`",
    });
  };

  return {
    host,
    get port() {
      return portIn(readVariable(environment, "PORT")) ?? port;
    },
    get credentials(): HttpCredentials | undefined {
      if (token === undefined && basic === undefined) return undefined;
      return {
        token:
          token === undefined
            ? undefined
            : new Secret(resolve(token, "http.token", TOKEN, "16 characters or more, without spaces")),
        basic:
          basic === undefined
            ? undefined
            : {
                user: resolve(basic.user, "http.basic.user", USER, "a name without a colon"),
                password: new Secret(
                  resolve(basic.password, "http.basic.password", PASSWORD, "8 characters or more"),
                ),
              },
      };
    },
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
