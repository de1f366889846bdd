/** What a value of the configuration may be in place of a secret: the name that AWS keeps it under. */
export interface SecretReference {
  service: "secretsmanager" | "ssm";
  /** A name or an ARN; a parameter's with its version or label, if one is named. */
  name: string;
  /** Of the JSON object that the secret is; undefined: all of it. */
  key: string | undefined;
  /** As it is written: `secretsmanager:prod/app#password`. */
  text: string;
}

/** Where secrets are asked for. */
export interface SecretSource {
  /**
   * The secret that a reference names. Remembered for a while, so that one run does not ask twice.
   *
   * @throws DataopsError `usage` where there is no such secret or key, `notPermitted`, `unreachable`; the signal's reason
   */
  read(reference: SecretReference, signal: AbortSignal | undefined): Promise<string>;
  /** Forgets what it remembers: a secret may have been rotated. */
  refresh(): void;
}

/** How a reference is written, for messages. */
const REFERENCE_FORMS = "secretsmanager:NAME, secretsmanager:NAME#key or ssm:NAME";

const REFERENCE = /^(secretsmanager|ssm):([^#]*)(?:#(.*))?$/s;
const SECRET_NAME =
  /^(?:arn:aws[a-z-]*:secretsmanager:[a-z0-9-]{1,32}:\d{12}:secret:)?[A-Za-z0-9/_+=.@!-]{1,519}$/;
/** A parameter may be named with its version or label: `/app/url:3`. */
const PARAMETER_NAME =
  /^(?:arn:aws[a-z-]*:ssm:[a-z0-9-]{1,32}:\d{12}:parameter)?[A-Za-z0-9/_.-]{1,1011}(?::[A-Za-z0-9_.-]{1,100})?$/;
const KEY = /^\P{Cc}{1,256}$/u;

/**
 * The reference that a value is; undefined for a value that is its own. Pure.
 *
 * @throws RangeError for one that begins as a reference does, and is none; without the value, which may be a secret
 */
export function parseSecretReference(text: string): SecretReference | undefined {
  if (!/^(?:secretsmanager|ssm):/.test(text)) return undefined;
  const [, service, name = "", key] = REFERENCE.exec(text) ?? [];
  if (service === "secretsmanager" && SECRET_NAME.test(name) && (key === undefined || KEY.test(key))) {
    return { service, name, key, text };
  }
  if (service === "ssm" && key === undefined && PARAMETER_NAME.test(name))
    return { service, name, key, text };
  throw new RangeError(`a reference to a secret is written ${REFERENCE_FORMS}`);
}

/** The region and the account that a reference by ARN names; undefined for a name, which is looked up in our own. Pure. */
export function placeInReference({
  name,
}: Pick<SecretReference, "name">): { region: string; account: string } | undefined {
  const [start, , , region, account] = name.split(":", 5);
  return start === "arn" && region !== undefined && account !== undefined ? { region, account } : undefined;
}
