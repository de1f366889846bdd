import { DataopsError } from "../errors.ts";
import { nearest } from "./nearest.ts";

/** The libpq parameters that decide where a connection arrives, and how. */
export const CONNECTION_PARAMETERS = [
  "host",
  "port",
  "user",
  "password",
  "dbname",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "connect_timeout",
  "service",
  "servicefile",
] as const;

export type ConnectionParameter = (typeof CONNECTION_PARAMETERS)[number];

/** A parameter as it was written, and its value, decoded. */
export type WrittenParameter = readonly [name: string, value: string];

/** Parameters that were given. An empty value takes an earlier one back, and counts as none. */
export type GivenParameters = Partial<Record<ConnectionParameter, string>>;

/** What becomes of a libpq parameter that has no place in the settings. */
interface Rule {
  /** The values that change nothing here, and are passed over. */
  accepts: "any value" | readonly string[];
  /** Why another value is refused. */
  reason: string;
}

const HARMLESS: Rule = { accepts: "any value", reason: "" };
const ALTERS_SESSIONS = "it could change what the session sees and which role it has";
const NOT_CHECKED = "dataops would not check it";
const OAUTH = "signing in by OAuth is not supported";

/** libpq's other parameters. One that asks for safety we would not give is refused rather than passed over. */
const OTHER_PARAMETERS: Readonly<Record<string, Rule>> = {
  application_name: HARMLESS,
  fallback_application_name: HARMLESS,
  client_encoding: HARMLESS,
  keepalives: HARMLESS,
  keepalives_idle: HARMLESS,
  keepalives_interval: HARMLESS,
  keepalives_count: HARMLESS,
  tcp_user_timeout: HARMLESS,
  load_balance_hosts: HARMLESS,
  min_protocol_version: HARMLESS,
  max_protocol_version: HARMLESS,
  sslcompression: HARMLESS,
  sslsni: HARMLESS,
  krbsrvname: HARMLESS,
  gsslib: HARMLESS,
  gssdelegation: HARMLESS,
  // Some providers put `require` into every URL that they give out.
  channel_binding: HARMLESS,
  gssencmode: {
    accepts: ["disable", "prefer"],
    reason: "encryption by GSSAPI is not supported, use sslmode",
  },
  sslnegotiation: { accepts: ["postgres"], reason: "only sslnegotiation=postgres is supported" },
  sslcertmode: { accepts: ["allow"], reason: "only sslcertmode=allow is supported" },
  ssl_min_protocol_version: {
    accepts: ["TLSv1", "TLSv1.1", "TLSv1.2"],
    reason: "at least TLSv1.2 is always asked for, and nothing higher can be",
  },
  ssl_max_protocol_version: { accepts: ["TLSv1.3"], reason: "the newest TLS that both sides speak is used" },
  target_session_attrs: {
    accepts: ["any", "read-write"],
    reason: "it chooses between servers, and dataops takes one: name the server you mean",
  },
  hostaddr: { accepts: [], reason: "one place is named by one parameter: give the address as host" },
  options: { accepts: [], reason: ALTERS_SESSIONS },
  passfile: { accepts: [], reason: "name the passfile in PGPASSFILE" },
  sslpassword: { accepts: [], reason: "a key with a passphrase is not supported" },
  sslcrl: { accepts: [], reason: NOT_CHECKED },
  sslcrldir: { accepts: [], reason: NOT_CHECKED },
  requirepeer: { accepts: [], reason: NOT_CHECKED },
  require_auth: { accepts: [], reason: NOT_CHECKED },
  requiressl: { accepts: [], reason: "it is obsolete, use sslmode=require" },
  replication: { accepts: [], reason: ALTERS_SESSIONS },
  sslkeylogfile: { accepts: [], reason: "it would write down the keys of the connection" },
  scram_client_key: { accepts: [], reason: "give the password instead" },
  scram_server_key: { accepts: [], reason: "give the password instead" },
  oauth_issuer: { accepts: [], reason: OAUTH },
  oauth_client_id: { accepts: [], reason: OAUTH },
  oauth_client_secret: { accepts: [], reason: OAUTH },
  oauth_scope: { accepts: [], reason: OAUTH },
};

/** People paste their application's URL: what its framework adds for itself is passed over, though libpq refuses it. */
const FRAMEWORK_PARAMETERS: ReadonlySet<string> = new Set(
  Object.values({
    prisma:
      "schema connection_limit pgbouncer pool_timeout socket_timeout statement_cache_size sslaccept sslidentity",
    django: "conn_max_age conn_health_checks",
    rails:
      "adapter pool prepared_statements encoding reaping_frequency checkout_timeout idle_timeout statement_limit",
    ecto: "pool_size",
    symfony: "serverVersion charset",
    pg: "uselibpqcompat",
    pgx: "pool_max_conns pool_min_conns pool_max_conn_lifetime default_query_exec_mode statement_cache_capacity",
    supabase: "supa",
  }).flatMap((names) => names.split(" ")),
);

/** A name that cannot be the rest of a secret that was cut apart: letters alone, and not many. */
const PLAIN_NAME = /^[a-z][a-z_]{0,29}$/i;

/**
 * Sorts out the parameters that were written in one place. Of two of one name the last counts, as in libpq.
 *
 * @throws DataopsError `usage` for a parameter that libpq does not know, or that is not supported
 */
export function checkParameters(written: readonly WrittenParameter[], origin: string): GivenParameters {
  const given: GivenParameters = {};
  const hasPassword = written.some(([name]) => name === "password");
  for (const [name, value] of written) {
    if (isConnectionParameter(name)) {
      given[name] = value;
      continue;
    }
    const rule = Object.hasOwn(OTHER_PARAMETERS, name) ? OTHER_PARAMETERS[name] : undefined;
    if (rule !== undefined) checkRule(name, value, rule, origin);
    else if (!FRAMEWORK_PARAMETERS.has(name)) throw unknownParameter(name, hasPassword, origin);
  }
  return given;
}

function checkRule(name: string, value: string, { accepts, reason }: Rule, origin: string): void {
  if (value === "" || accepts === "any value" || accepts.includes(value)) return;
  const what =
    accepts.length === 0
      ? `the parameter ${name}`
      : `the parameter ${name} with a value other than ${accepts.join(" or ")}`;
  throw new DataopsError("usage", `${origin}: ${what} is not supported: ${reason}`, {
    hint: `take ${name} out`,
  });
}

function unknownParameter(name: string, hasPassword: boolean, origin: string): DataopsError {
  // Beside a password an unknown name may be what follows an unencoded `&` or a space in it.
  if (hasPassword || !PLAIN_NAME.test(name)) {
    return new DataopsError("usage", `${origin}: there is a parameter that libpq does not know`, {
      hint: "in a URL write & as %26, in a keyword string put the password in single quotes",
    });
  }
  const known = [...CONNECTION_PARAMETERS, ...Object.keys(OTHER_PARAMETERS)];
  const meant = nearest(name, known);
  return new DataopsError("usage", `${origin}: unknown connection parameter ${name}`, {
    hint: meant === undefined ? `take ${name} out` : `did you mean ${meant}?`,
  });
}

function isConnectionParameter(name: string): name is ConnectionParameter {
  return CONNECTION_PARAMETERS.some((parameter) => parameter === name);
}
