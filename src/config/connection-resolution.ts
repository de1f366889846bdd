import { isIPv6 } from "node:net";
import { DataopsError } from "../errors.ts";
import type { ConnectionSettings, TlsMode, TlsSettings } from "./connection.ts";
import {
  DEFAULT_CONNECT_TIMEOUT,
  DEFAULT_PORT,
  DEFAULT_TLS_MODE,
  defaultSocketDirectory,
  defaultUser,
  LIBPQ_VARIABLES,
} from "./connection-defaults.ts";
import {
  CONNECTION_PARAMETERS,
  type ConnectionParameter,
  type GivenParameters,
} from "./connection-parameters.ts";
import { severalServers } from "./connection-url.ts";
import type { Environment } from "./environment.ts";
import { nearest } from "./nearest.ts";
import { Secret } from "./secret.ts";
import { readService } from "./service-file.ts";

const TLS_MODES = [
  "disable",
  "allow",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
] as const satisfies TlsMode[];

/** Seconds: a day. Longer ones overflow timers. */
const MAX_CONNECT_TIMEOUT = 86_400;

const MAX_PORT = 65_535;

/** C0, DEL and C1: nothing that a name needs, and some of them steer terminals or end strings in C. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

/** What a host name cannot have, and what is left of a URL that was put where a host belongs. */
const NOT_IN_HOSTS = /[\s@/?#\\=]/;

const NAMES: Readonly<Record<ConnectionParameter, string>> = {
  host: "host",
  port: "port",
  user: "user name",
  password: "password",
  dbname: "database name",
  sslmode: "sslmode",
  sslrootcert: "path in sslrootcert",
  sslcert: "path in sslcert",
  sslkey: "path in sslkey",
  connect_timeout: "connect_timeout",
  service: "service",
  servicefile: "path of the service file",
};

/** A value, and where it stood, for messages. */
interface Found {
  value: string;
  origin: string;
}

type FoundParameters = Partial<Record<ConnectionParameter, Found>>;

/**
 * Fills in what `given` leaves open, from the service it names, libpq's variables and libpq's defaults, in this order.
 *
 * @throws DataopsError `usage` for a value that is not valid, `refused` for several servers; no message holds a secret
 */
export function resolveConnection(
  given: GivenParameters,
  origin: string,
  environment: Environment,
): ConnectionSettings {
  const found = collect(given, origin, environment);
  for (const [name, { value, origin }] of entriesOf(found)) {
    if (CONTROL_CHARACTER.test(value)) {
      throw invalid(
        origin,
        `the ${NAMES[name]} has a control character`,
        "take it out, it may be a line break",
      );
    }
  }
  const user = found.user?.value ?? defaultUser(origin);
  const password = found.password?.value;
  return {
    host: hostOf(found.host),
    port: portOf(found.port),
    user,
    password: password === undefined ? undefined : new Secret(password),
    database: found.dbname?.value ?? user,
    tls: tlsOf(found),
    connectTimeout: connectTimeoutOf(found.connect_timeout),
    origin,
  };
}

function collect(given: GivenParameters, origin: string, environment: Environment): FoundParameters {
  if ((environment["PGHOSTADDR"] ?? "") !== "") {
    throw invalid(
      "PGHOSTADDR",
      "an address beside the host is not supported",
      "unset it, and give the address as host",
    );
  }
  const found: FoundParameters = {};
  const add = (parameters: GivenParameters, originOf: (name: ConnectionParameter) => string): void => {
    for (const name of CONNECTION_PARAMETERS) {
      const value = parameters[name] ?? "";
      if (value !== "") found[name] ??= { value, origin: originOf(name) };
    }
  };
  add(given, () => origin);
  const serviceName = given.service ?? environment[LIBPQ_VARIABLES.service] ?? "";
  if (serviceName !== "") {
    const service = readService(serviceName, given.servicefile, environment);
    add(service.parameters, () => service.origin);
  }
  const fromEnvironment = CONNECTION_PARAMETERS.map((name) => [name, environment[LIBPQ_VARIABLES[name]]]);
  add(Object.fromEntries(fromEnvironment), (name) => LIBPQ_VARIABLES[name]);
  return found;
}

function hostOf(found: Found | undefined): string {
  if (found === undefined) return defaultSocketDirectory();
  const { value, origin } = found;
  if (value.includes(",")) throw severalServers(origin);
  if (value.startsWith("/") || isIPv6(value)) return value;
  if (value.startsWith("@")) {
    throw invalid(
      origin,
      "a socket in the abstract namespace is not supported",
      "give the socket's folder as host",
    );
  }
  if (NOT_IN_HOSTS.test(value)) {
    throw invalid(
      origin,
      "the host is no host name",
      "give the name alone, or a socket's folder with its leading /",
    );
  }
  if (value.includes(":"))
    throw invalid(origin, "the host is no host name", "give the port as port, apart from the host");
  return value;
}

function portOf(found: Found | undefined): number {
  if (found === undefined) return DEFAULT_PORT;
  const { value, origin } = found;
  if (value.includes(",")) throw severalServers(origin);
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port >= 1 && port <= MAX_PORT) return port;
  throw invalid(
    origin,
    `the port is not a number from 1 to ${MAX_PORT}`,
    "a password with / ? or # in it must be encoded: %2F, %3F, %23",
  );
}

function tlsOf({ sslmode, sslrootcert, sslcert, sslkey }: FoundParameters): TlsSettings {
  // As in libpq: any authority of the system could sign for any host, so the name is checked too.
  const standard = sslrootcert?.value === "system" ? "verify-full" : DEFAULT_TLS_MODE;
  return {
    mode: sslmode === undefined ? standard : tlsModeOf(sslmode),
    rootCertificate: sslrootcert?.value,
    certificate: sslcert?.value,
    key: sslkey?.value,
  };
}

function tlsModeOf({ value, origin }: Found): TlsMode {
  const mode = TLS_MODES.find((mode) => mode === value);
  if (mode !== undefined) return mode;
  // Node's `pg` made it up for what libpq calls `require`.
  const meant = value === "no-verify" ? "require" : nearest(value, TLS_MODES);
  const hint =
    meant === undefined ? `sslmode is one of ${TLS_MODES.join(", ")}` : `did you mean sslmode=${meant}?`;
  throw invalid(origin, "there is no such sslmode", hint);
}

/** libpq waits for ever on 0 and less; an unattended backup must not. */
function connectTimeoutOf(found: Found | undefined): number {
  if (found === undefined) return DEFAULT_CONNECT_TIMEOUT;
  const seconds = /^-?\d{1,9}$/.test(found.value) ? Number(found.value) : Number.NaN;
  if (seconds <= 0) return DEFAULT_CONNECT_TIMEOUT;
  if (seconds <= MAX_CONNECT_TIMEOUT) return seconds;
  throw invalid(
    found.origin,
    `connect_timeout is not a number of seconds up to ${MAX_CONNECT_TIMEOUT}`,
    "write it as connect_timeout=10",
  );
}

function invalid(origin: string, what: string, hint: string): DataopsError {
  return new DataopsError("usage", `${origin}: ${what}`, { hint });
}

function entriesOf(found: FoundParameters): [ConnectionParameter, Found][] {
  return CONNECTION_PARAMETERS.flatMap((name) => {
    const one = found[name];
    return one === undefined ? [] : [[name, one]];
  });
}
