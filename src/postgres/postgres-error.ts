import type { ConnectionSettings } from "../config/connection.ts";
import { DataopsError, isDataopsError, messageOf, type ExitName } from "../errors.ts";

/** SQLSTATE codes that callers and this file tell apart. https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const SQL_STATES = {
  invalidAuthorization: "28000",
  invalidPassword: "28P01",
  insufficientPrivilege: "42501",
  noSuchDatabase: "3D000",
  duplicateDatabase: "42P04",
  duplicateObject: "42710",
  objectInUse: "55006",
  lockNotAvailable: "55P03",
  tooManyConnections: "53300",
  cannotConnectNow: "57P03",
  queryCanceled: "57014",
  adminShutdown: "57P01",
  crashShutdown: "57P02",
} as const satisfies Record<string, string>;

/** What a failed connection means, by Node's error code. */
const NETWORK_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up now",
  ETIMEDOUT: "no answer",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ECONNRESET: "the connection was reset",
  ENOENT: "there is no such socket",
  EACCES: "no access to the socket",
};

/** Certificate checks fail with one of these, or with an OpenSSL code. */
const TLS_FAILURE_CODE =
  /^(ERR_(SSL|TLS|OSSL)|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY|DECODE)_)/;
const NO_TLS_MESSAGES = [
  "The server does not support SSL connections",
  "There was an error establishing an SSL connection",
];

/** The SQLSTATE that the server sent with `error` or with what caused it; undefined where no server spoke. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ("severity" in current) return codeOf(current);
  }
  return undefined;
}

/** Whether `error` is about TLS alone, so that libpq's `prefer` would go on without. */
export function isTlsFailure(error: unknown): boolean {
  return TLS_FAILURE_CODE.test(codeOf(error) ?? "") || NO_TLS_MESSAGES.includes(messageOf(error));
}

/** `app at db.example.org:5432`: the place in messages. Never with a user or a password. */
export function describePlace(settings: Pick<ConnectionSettings, "host" | "port" | "database">): string {
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  const place = settings.host.startsWith("/")
    ? `${settings.host}, port ${settings.port}`
    : `${host}:${settings.port}`;
  return `database ${settings.database} at ${place}`;
}

/** The error of a connection that could not be made. */
export function connectionError(cause: unknown, settings: ConnectionSettings): DataopsError {
  if (isDataopsError(cause)) return cause;
  const place = describePlace(settings);
  const says = oneLine(messageOf(cause));
  const from = settings.origin;
  const fail = (exit: ExitName, message: string, hint: string): DataopsError =>
    new DataopsError(exit, message, { hint, cause });

  const state = sqlStateOf(cause);
  if (
    settings.rdsToken !== undefined &&
    (state === SQL_STATES.invalidPassword || state === SQL_STATES.invalidAuthorization)
  ) {
    return fail(
      "notPermitted",
      `cannot log in to ${place} with a token of IAM: ${says}`,
      `GRANT rds_iam TO the user of ${from}, allow rds-db:connect on it, and give the database's own host name`,
    );
  }
  switch (state) {
    case undefined:
      break;
    case SQL_STATES.invalidPassword:
      return fail(
        "notPermitted",
        `cannot log in to ${place}: ${says}`,
        `check the user and the password in ${from}`,
      );
    case SQL_STATES.invalidAuthorization:
    case SQL_STATES.insufficientPrivilege:
      return fail(
        "notPermitted",
        `cannot log in to ${place}: ${says}`,
        `check the user and the database in ${from}, and the server's pg_hba.conf`,
      );
    case SQL_STATES.noSuchDatabase:
      return fail(
        "unreachable",
        `cannot reach ${place}: ${says}`,
        `create it, or correct its name in ${from}`,
      );
    case SQL_STATES.tooManyConnections:
      return fail(
        "unreachable",
        `cannot reach ${place}: ${says}`,
        "end sessions, or raise the role's, the database's or the server's connection limit",
      );
    default:
      return fail(
        "unreachable",
        `cannot reach ${place}: ${says}`,
        `see the server's log; the settings are from ${from}`,
      );
  }
  if (isTlsFailure(cause)) {
    return fail(
      "unreachable",
      `cannot reach ${place} with sslmode=${settings.tls.mode}: ${says}`,
      `check sslmode and sslrootcert in ${from}`,
    );
  }
  if (says.startsWith("SASL")) {
    return fail(
      "notPermitted",
      `cannot log in to ${place}: ${says}`,
      `check the user and the password in ${from}`,
    );
  }
  const why = NETWORK_FAILURES[codeOf(cause) ?? ""] ?? says;
  return fail(
    "unreachable",
    `cannot reach ${place}: ${why}`,
    `is the server up, and is the address right? it is from ${from}`,
  );
}

/** The error of a statement that failed, or of a connection that was lost under it. */
export function statementError(cause: unknown, settings: ConnectionSettings): DataopsError {
  if (isDataopsError(cause)) return cause;
  const place = describePlace(settings);
  const says = oneLine(messageOf(cause));
  const state = sqlStateOf(cause);
  if (state === undefined || state.startsWith("08")) {
    return new DataopsError("unreachable", `lost the connection to ${place}: ${says}`, {
      hint: "run it again; see the server's log if it happens again",
      cause,
    });
  }
  if (state === SQL_STATES.insufficientPrivilege) {
    return new DataopsError("notPermitted", `not permitted in ${place}: ${says}`, {
      hint: `grant it to the user of ${settings.origin}, or connect as another`,
      cause,
    });
  }
  if (state === SQL_STATES.adminShutdown || state === SQL_STATES.crashShutdown) {
    return new DataopsError("failed", `the server ended our session in ${place}: ${says}`, {
      hint: "run it again; see the server's log for who ended it",
      cause,
    });
  }
  return new DataopsError("failed", `${place} says: ${says}`, { cause });
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}

function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, "; ");
}
