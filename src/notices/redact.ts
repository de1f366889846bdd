import type { Config, ChannelSettings } from "../config/config.ts";
import type { Environment } from "../config/environment.ts";
import { readVariable } from "../config/variables.ts";

const REDACTED = "[redacted]";

/** Characters. What is shorter stands in ordinary words by chance. */
const LEAST_SECRET = 4;
/** Characters from which a part of a URL's path or query counts as a token, and not as a word. */
const LEAST_TOKEN = 12;

/** Credentials that the S3 client and PostgreSQL's programs take from the environment by themselves. */
const SECRET_VARIABLES = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "DB_PASSWORD"] as const;

/** Takes known secrets out of a text. */
export type Redact = (text: string) => string;

/** What takes out every one of these, in the forms that texts have them in: plain, in a URL, in JSON. */
export function redactor(secrets: readonly string[]): Redact {
  const forms = secrets
    .filter((secret) => secret.length >= LEAST_SECRET)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: one secret may be the beginning of another.
  const ordered = [...new Set(forms)].sort((left, right) => right.length - left.length);
  return (text) => ordered.reduce((clean, secret) => clean.replaceAll(secret, REDACTED), text);
}

/** Every secret that a configuration holds, as far as this machine knows it. */
export function knownSecrets(config: Config, environment: Environment): string[] {
  const ofDatabases = Object.values(config.databases).flatMap(
    ({ connection }) => whereKnown(() => connection.peek())?.password?.reveal() ?? [],
  );
  const ofSearch = Object.values(config.search).flatMap(({ connection }) => {
    const authentication = whereKnown(() => connection.peek())?.authentication;
    return authentication?.kind === "basic" ? authentication.password.reveal() : [];
  });
  const ofChannels = config.notify.flatMap((channel) => {
    const settings = whereKnown(() => channel.settings.peek());
    return settings === undefined ? [] : secretsOf(settings);
  });
  const ofHttp = whereKnown(() => {
    const { token, basic } = config.http.credentials?.peek() ?? {};
    return [token, basic?.password].flatMap((secret) => secret?.reveal() ?? []);
  });
  const ofEnvironment = SECRET_VARIABLES.flatMap(
    (name) => whereKnown(() => readVariable(environment, name)) ?? [],
  );
  return [...ofDatabases, ...ofSearch, ...ofChannels, ...(ofHttp ?? []), ...ofEnvironment];
}

// eslint-disable-next-line typescript/consistent-return -- every kind is there, and the types say so
function secretsOf(settings: ChannelSettings): string[] {
  switch (settings.kind) {
    case "slack":
    case "ping":
      return secretsInUrl(settings.url.reveal());
    case "sentry":
      return secretsInUrl(settings.dsn.reveal());
    case "webhook": {
      const headers = Object.values(settings.headers).map((header) => header.reveal());
      // `Bearer TOKEN`: the token may turn up without its scheme.
      return [
        ...secretsInUrl(settings.url.reveal()),
        ...headers,
        ...headers.flatMap((text) => text.split(" ").filter(isToken)),
      ];
    }
    case "email":
      return settings.server.password === undefined ? [] : [settings.server.password.reveal()];
  }
}

/** The whole, and what of it would be of use to a thief. */
function secretsInUrl(text: string): string[] {
  const url = URL.parse(text);
  if (url === null) return [text];
  const { username, password, pathname, search, searchParams } = url;
  const parts = [...pathname.split("/"), ...searchParams.values(), username].filter(isToken);
  const whole = pathname + search;
  return [
    text,
    url.href,
    ...(isToken(whole) ? [whole] : []),
    ...parts,
    password,
    decodeURIComponent(password),
  ];
}

function isToken(text: string): boolean {
  return text.length >= LEAST_TOKEN;
}

/** What cannot be worked out on this machine is not known here, and cannot leak from here. */
function whereKnown<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
