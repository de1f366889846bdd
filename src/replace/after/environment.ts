import type { ConnectionSettings } from "../../config/connection.ts";
import type { Environment } from "../../config/environment.ts";

export interface CommandDatabase {
  settings: ConnectionSettings;
  /** Undefined: none is needed. */
  password: string | undefined;
  /** The role to take on; undefined: none. */
  actAs: string | undefined;
}

/**
 * The environment of a command step: what is inherited, with the scratch database in `DATABASE_URL` and `PG*`. Pure.
 *
 * No `PG*` variable is inherited: one of them could lead the command to another database.
 */
export function commandEnvironment(
  inherited: Environment,
  database: CommandDatabase,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(inherited)) {
    if (value !== undefined && !name.startsWith("PG")) environment[name] = value;
  }
  return { ...environment, ...libpqVariables(database), DATABASE_URL: databaseUrl(database) };
}

function libpqVariables({ settings, password, actAs }: CommandDatabase): Record<string, string> {
  const { host, port, user, database, tls } = settings;
  const variables: Record<string, string | undefined> = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
    PGSSLMODE: tls.mode,
    PGSSLROOTCERT: tls.rootCertificate,
    PGSSLCERT: tls.certificate,
    PGSSLKEY: tls.key,
    PGOPTIONS: startOptions(actAs),
  };
  return Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function databaseUrl({ settings, password, actAs }: CommandDatabase): string {
  const { host, port, user, database, tls } = settings;
  const parameters = new Map<string, string | undefined>([
    // A socket's folder cannot stand where a host does.
    ["host", host.startsWith("/") ? host : undefined],
    ["port", host.startsWith("/") ? String(port) : undefined],
    // `prefer` is what is meant without it, and some drivers take the word for more than that.
    ["sslmode", tls.mode === "prefer" ? undefined : tls.mode],
    ["sslrootcert", tls.rootCertificate],
    ["sslcert", tls.certificate],
    ["sslkey", tls.key],
    ["options", startOptions(actAs)],
  ]);
  const query = [...parameters]
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
    .join("&");
  const login = [user, ...(password === undefined ? [] : [password])].map(encodeURIComponent).join(":");
  const name = host.includes(":") ? `[${host}]` : host;
  const place = host.startsWith("/") ? "" : `${name}:${port}`;
  return `postgresql://${login}@${place}/${encodeURIComponent(database)}${query === "" ? "" : `?${query}`}`;
}

/** The server splits them at white space; a backslash keeps a character as it is. */
function startOptions(actAs: string | undefined): string | undefined {
  return actAs === undefined ? undefined : `-c role=${actAs.replaceAll(/[\s\\]/g, String.raw`\$&`)}`;
}
