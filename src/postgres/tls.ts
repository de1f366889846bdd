import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates, type ConnectionOptions } from "node:tls";
import type { ConnectionSettings } from "../config/connection.ts";
import { DataopsError, messageOf } from "../errors.ts";
import { rootCertificateFile } from "./settings-for-tools.ts";
import type { Environment } from "../config/environment.ts";

/** One way to open a connection: without TLS, or with these options. */
export type TlsAttempt = false | ConnectionOptions;

/**
 * The ways to try in turn, by libpq's meaning of `sslmode`, which is not `pg`'s: `require` encrypts and verifies nothing
 * unless there is a root certificate, `prefer` and `allow` try without TLS too, a Unix socket never has TLS.
 *
 * @throws DataopsError `usage` where a named certificate cannot be read, or the mode needs one that is not there
 */
export async function tlsAttempts(
  settings: ConnectionSettings,
  environment: Environment,
): Promise<readonly TlsAttempt[]> {
  const { mode } = settings.tls;
  if (mode === "disable" || settings.host.startsWith("/")) return [false];
  const options = await tlsOptions(settings, environment);
  if (mode === "allow") return [false, options];
  if (mode === "prefer") return [options, false];
  return [options];
}

async function tlsOptions(
  settings: ConnectionSettings,
  environment: Environment,
): Promise<ConnectionOptions> {
  const { mode } = settings.tls;
  const [ca, cert, key] = await Promise.all([
    readRootCertificate(settings, environment),
    readCertificate(settings, settings.tls.certificate, environment, "postgresql.crt"),
    readCertificate(settings, settings.tls.key, environment, "postgresql.key"),
  ]);
  const identity = cert === undefined || key === undefined ? {} : { cert, key };
  if (ca === undefined) return { ...identity, rejectUnauthorized: false };
  const chain = { ...identity, ca, rejectUnauthorized: true };
  return mode === "verify-full" ? chain : { ...chain, checkServerIdentity: () => undefined };
}

/** With a root certificate libpq verifies in every mode that encrypts; without one it may not even try `verify-*`. */
async function readRootCertificate(
  settings: ConnectionSettings,
  environment: Environment,
): Promise<string | string[] | undefined> {
  const { mode, rootCertificate } = settings.tls;
  if (rootCertificate === "system") {
    if (mode !== "verify-full") {
      throw new DataopsError(
        "usage",
        `sslrootcert=system needs sslmode=verify-full, not ${mode}: ${settings.origin}`,
        {
          hint: "any certificate authority of the system could sign for any host: set sslmode=verify-full",
        },
      );
    }
    const file = rootCertificateFile(rootCertificate);
    return file === rootCertificate ? [...rootCertificates] : await readNamed(settings, file);
  }
  const content = await readCertificate(settings, rootCertificate, environment, "root.crt");
  if (content === undefined && (mode === "verify-ca" || mode === "verify-full")) {
    throw new DataopsError(
      "usage",
      `sslmode=${mode} needs a root certificate, and there is none: ${settings.origin}`,
      {
        hint: "add sslrootcert=FILE, or sslrootcert=system with sslmode=verify-full",
      },
    );
  }
  return content;
}

/** The named file, which must be there; else libpq's default in `~/.postgresql`, which may be. */
async function readCertificate(
  settings: ConnectionSettings,
  path: string | undefined,
  environment: Environment,
  standardName: string,
): Promise<string | undefined> {
  if (path !== undefined) return readNamed(settings, path);
  const home = environment["HOME"];
  if (home === undefined) return undefined;
  return readFile(join(home, ".postgresql", standardName), "utf8").catch(() => undefined);
}

async function readNamed(settings: ConnectionSettings, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new DataopsError("usage", `cannot read the certificate file ${path}: ${messageOf(error)}`, {
      hint: `correct its path in ${settings.origin}`,
      cause: error,
    });
  }
}
