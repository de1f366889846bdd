import { existsSync } from "node:fs";
import type { ConnectionSettings } from "../config/connection.ts";
import type { Environment } from "../config/environment.ts";
import { DataopsError } from "../errors.ts";
import { renderPassfileLine } from "./passfile.ts";

/** Connection settings as the PostgreSQL programs take them. */
export interface ToolSettings {
  /** Every `PG*` variable the program is to see, but for `PGPASSFILE`. */
  env: Record<string, string>;
  /** What the file that `PGPASSFILE` names must hold; undefined where there is no password. */
  passfile: string | undefined;
}

/** Where the machine's own root certificates are, in one file: Debian, Red Hat, Alpine and macOS. */
const SYSTEM_CERTIFICATE_FILES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

/** What the programs need of the machine. No `PG*` variable: one of them could redirect a connection. */
const INHERITED = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"];

/**
 * Renders connection settings for the PostgreSQL programs. Nothing secret is in `env`.
 *
 * Everything that decides where a connection arrives is set, so that no default of the machine fills a gap.
 *
 * @throws DataopsError `usage` for a password that no passfile can hold
 */
export function renderForTools(settings: ConnectionSettings): ToolSettings {
  const { host, port, user, database, tls, password } = settings;
  if (settings.rdsToken !== undefined) {
    throw new Error("a program is given a fresh token: withFreshPassword makes it");
  }
  const env: Record<string, string> = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGSSLMODE: tls.mode,
    PGCONNECT_TIMEOUT: String(Math.ceil(settings.connectTimeout)),
    // `pg` does not speak it: both shall reach the server in the same way.
    PGGSSENCMODE: "disable",
  };
  if (tls.rootCertificate !== undefined) env["PGSSLROOTCERT"] = rootCertificateFile(tls.rootCertificate);
  if (tls.certificate !== undefined) env["PGSSLCERT"] = tls.certificate;
  if (tls.key !== undefined) env["PGSSLKEY"] = tls.key;
  const passfile = password === undefined ? undefined : renderPassfile(password.reveal(), settings.origin);
  return { env, passfile };
}

/** The file is read by one program, for one place: wildcards spare us libpq's rules for sockets and defaults. */
function renderPassfile(password: string, origin: string): string {
  if (/[\n\r\0]/.test(password)) {
    throw new DataopsError(
      "usage",
      `the password of ${origin} has a line break or a NUL, which no passfile can hold`,
      {
        hint: "give the role another password",
      },
    );
  }
  return `*:*:*:*:${renderPassfileLine([password])}`;
}

/** The environment of a PostgreSQL program: what it needs of `inherited`, messages in English, and `own`. */
export function environmentForTools(
  inherited: Environment,
  own: Record<string, string>,
): Record<string, string> {
  const environment: Record<string, string> = { LANG: "C", LC_ALL: "C" };
  for (const name of INHERITED) {
    const value = inherited[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...own };
}

/**
 * `--dbname` for programs that take the database only there. As a quoted connection string, because libpq would read a
 * bare name with `=` in it, or one like a URL, as connection settings of its own.
 */
export function databaseOption(database: string): string {
  return `--dbname=dbname='${database.replaceAll(/[\\']/g, (character) => `\\${character}`)}'`;
}

/** libpq knows `system` only since PostgreSQL 16; a file works with all. */
export function rootCertificateFile(rootCertificate: string): string {
  if (rootCertificate !== "system") return rootCertificate;
  return SYSTEM_CERTIFICATE_FILES.find((path) => existsSync(path)) ?? rootCertificate;
}
