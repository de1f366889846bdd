import { DataopsError } from "../errors.ts";
import type { ChannelConfig, ChannelSettings, ValueOrigin } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import type { Environment } from "./environment.ts";
import { lateValue, resolveLateValue, sourcesOf, type Dereference, type LateOptions } from "./late-value.ts";
import { CHANNEL_KINDS, NOTICE_EVENTS, type ChannelKind, type CheckedChannel } from "./notify-schema.ts";
import { Secret } from "./secret.ts";
import type { SecretSource } from "./secret-reference.ts";
import { parseMailServer } from "./mail-server.ts";
import { parseDuration } from "./units.ts";

/** `Name <user@host>`, or the address alone; nothing that could begin another header. */
const MAIL_ADDRESS =
  /^(?:[^\r\n<>]{1,200} )?<[^\s@<>]{1,64}@[^\s@<>]{1,255}>$|^[^\s@<>]{1,64}@[^\s@<>]{1,255}$/;
/** What a header's value may hold: no line break, above all. */
const HEADER_VALUE = /^[\t\x20-\x7E\x80-\xFF]*$/;

/** `https://KEY@HOST/PROJECT`: the package repeats what it does not take for one on stderr, key and all. */
const SENTRY_DSN = /^https?:\/\/\w+(?::\w+)?@[\w.-]+(?::\d+)?\/(?:[\w./-]+\/)?\d+$/;

/** How often a lasting state is told, where nothing is configured. */
const DEFAULT_REPEAT = "1d";

export interface ChannelOptions {
  environment: Environment;
  secrets: SecretSource;
  /** The file, as messages name it. */
  fileName: string;
  /** `dataops.config.yaml:3:10`: where the value at a path stands. */
  placeOf: (path: readonly PropertyKey[]) => string;
  /** What was configured under `databases`, by name: the environment of each. */
  environments: Readonly<Record<string, string>>;
}

/**
 * The channels of `notify`. Their URLs and passwords are looked at when a notice is sent: a machine without the variables that
 * they need can do everything else.
 *
 * @throws ConfigError for a database that is not configured, and for a ping that might stand for several
 */
export function readChannels(
  checked: readonly CheckedChannel[],
  origins: ValueOrigin[],
  options: ChannelOptions,
): ChannelConfig[] {
  return checked.map((value, index) => {
    const kind = kindOf(value);
    const path = `notify[${index}].${kind}`;
    const texts = textsIn(value[kind]);
    const place = options.placeOf(["notify", index, kind]);
    const { environment, secrets } = options;
    const late = { origin: `${path} in ${options.fileName}`, environment, secrets };
    origins.push({ path, shown: "[redacted]", origin: place + sourcesOf(texts, late) });
    const databases = databasesOf(value, index, options);
    return {
      kind,
      place: `notify[${index}]`,
      on: value.on ?? NOTICE_EVENTS,
      jobs: value.jobs ?? (kind === "ping" ? ["backup"] : undefined),
      databases,
      repeatEvery: value.repeatEvery ?? parseDuration(DEFAULT_REPEAT) ?? 0,
      settings: lateValue(texts, late, (dereference) => settingsOf(value, late, dereference)),
    };
  });
}

function kindOf(value: CheckedChannel): ChannelKind {
  const kind = CHANNEL_KINDS.find((one) => value[one] !== undefined);
  if (kind === undefined) throw new Error("the schema lets no channel without a kind pass");
  return kind;
}

/** A ping that stood for two databases would say that all is well while one of them has no backup. */
function databasesOf(
  value: CheckedChannel,
  index: number,
  { environments, placeOf }: ChannelOptions,
): readonly string[] | undefined {
  const fail = (message: string): never => {
    throw new ConfigError([`${placeOf(["notify", index])}: notify[${index}]: ${message}`]);
  };
  const unknown = value.databases?.find((name) => !Object.hasOwn(environments, name));
  if (unknown !== undefined) fail(`there is no database ${unknown} under databases`);
  if (value.ping === undefined || value.databases !== undefined) return value.databases;
  const production = Object.keys(environments).filter((name) => environments[name] === "production");
  if (production.length !== 1)
    fail("a ping stands for one database: name it, as in `databases: [production]`");
  return production;
}

function settingsOf(
  value: CheckedChannel,
  { origin, environment }: LateOptions,
  dereference: Dereference,
): ChannelSettings {
  const wrong = (message: string, hint: string): never => {
    throw new DataopsError("usage", `${origin}: ${message}`, { hint });
  };
  const text = (raw: string): string => dereference(resolveLateValue(raw, origin, environment));
  const url = (raw: string): Secret => {
    const resolved = text(raw);
    const parsed = URL.parse(resolved);
    if (parsed === null || !/^https?:$/.test(parsed.protocol)) wrong("expected an http(s) URL", "quote it");
    return new Secret(resolved);
  };
  const header = (raw: string): Secret => {
    const resolved = text(raw);
    if (!HEADER_VALUE.test(resolved))
      wrong("a header's value holds what a header cannot", "see for line breaks");
    return new Secret(resolved);
  };
  const address = (raw: string): string => {
    const resolved = text(raw);
    if (!MAIL_ADDRESS.test(resolved))
      wrong("expected addresses such as `Backups <backups@example.com>`", "quote them");
    return resolved;
  };

  if (value.slack !== undefined) return { kind: "slack", url: url(value.slack) };
  if (value.ping !== undefined) return { kind: "ping", url: url(value.ping) };
  if (value.sentry !== undefined) {
    const dsn = url(value.sentry.dsn);
    if (!SENTRY_DSN.test(dsn.reveal()))
      wrong("expected a DSN: https://KEY@HOST/PROJECT", "copy it from the project's settings in Sentry");
    return { kind: "sentry", dsn };
  }
  if (value.webhook !== undefined) {
    const headers = Object.entries(value.webhook.headers).map(([name, raw]) => [name, header(raw)] as const);
    return { kind: "webhook", url: url(value.webhook.url), headers: Object.fromEntries(headers) };
  }
  if (value.email !== undefined) {
    const server = parseMailServer(text(value.email.url));
    if (server === undefined)
      return wrong("expected smtp(s)://user:password@host:port", "encode @ : / in a password as %40 %3A %2F");
    return { kind: "email", server, from: address(value.email.from), to: value.email.to.map(address) };
  }
  throw new Error("the schema lets no channel without a kind pass");
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
