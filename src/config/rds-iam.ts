import { DataopsError } from "../errors.ts";
import type { ConnectionSettings } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { readVariable } from "./variables.ts";

/** `app.c9akciq32.eu-west-1.rds.amazonaws.com`; a cluster's and a proxy's names end so, too. */
const RDS_HOST = /\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$/;

/** What encrypts for certain: `prefer` and `allow` go on without. */
const ENCRYPTING = ["require", "verify-ca", "verify-full"];

export interface RdsOptions {
  /** As configured; undefined: what the host's name says, else `AWS_REGION`. */
  region: string | undefined;
  environment: Environment;
}

/**
 * The settings of a database on Amazon RDS that is logged in to with a token of IAM. Pure but for a variable's file.
 *
 * @throws DataopsError `usage` where a password is given, the region is not known, or the host is none of a network; `refused`
 *   where the token could go unencrypted
 */
export function withRdsToken(connection: ConnectionSettings, options: RdsOptions): ConnectionSettings {
  const { host, origin, tls, password } = connection;
  if (password !== undefined) {
    throw wrong(origin, "a password beside auth: rds-iam", "take the password out of the URL");
  }
  if (host.startsWith("/")) {
    throw wrong(origin, "auth: rds-iam needs a host, and there is a socket", "name the host of the database");
  }
  if (!ENCRYPTING.includes(tls.mode)) {
    throw new DataopsError("refused", `${origin}: auth: rds-iam needs TLS, and sslmode is ${tls.mode}`, {
      hint: "add ?sslmode=verify-full&sslrootcert=global-bundle.pem to the URL, with the certificates of Amazon RDS",
    });
  }
  const { environment } = options;
  const region =
    options.region ??
    RDS_HOST.exec(host)?.[1] ??
    readVariable(environment, "AWS_REGION") ??
    readVariable(environment, "AWS_DEFAULT_REGION");
  if (region === undefined) throw wrong(origin, "no region is known", "set region, or AWS_REGION");
  return { ...connection, rdsToken: { region } };
}

function wrong(origin: string, message: string, hint: string): DataopsError {
  return new DataopsError("usage", `${origin}: ${message}`, { hint });
}
