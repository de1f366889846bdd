import type { Secret } from "./secret.ts";

/**
 * How to reach one PostgreSQL database, independent of who connects.
 *
 * A URL or the environment is parsed into this once; `postgres/` renders it for `pg` and for the PostgreSQL programs,
 * so that both arrive at the same place by the same rules (libpq's).
 */
export interface ConnectionSettings {
  /** A host name, an address, or the folder of a Unix socket (then it starts with `/`). */
  host: string;
  port: number;
  user: string;
  /** Absent: none was given, and none is needed or the user's own passfile has it. */
  password: Secret | undefined;
  /** Where there is no password because each connection and each program is given a token of IAM, made at that moment. */
  rdsToken?: RdsToken | undefined;
  database: string;
  tls: TlsSettings;
  /** Seconds to wait for a connection. */
  connectTimeout: number;
  /** Where the settings came from, for messages: `databases.production.url in dataops.config.yaml`. */
  origin: string;
}

/** What a token of IAM for Amazon RDS is made with, besides host, port and user. */
export interface RdsToken {
  region: string;
}

/** libpq's `sslmode`, with libpq's meaning: `require` encrypts and verifies nothing unless a root certificate is given. */
export type TlsMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface TlsSettings {
  mode: TlsMode;
  /** Paths of PEM files; `system` is the machine's own store. */
  rootCertificate: string | undefined;
  certificate: string | undefined;
  key: string | undefined;
}
