import type { Config } from "../config/config.ts";
import { referencesOf } from "../config/references.ts";
import { placeInReference, type SecretReference } from "../config/secret-reference.ts";
import { actionFor, resourceFor, type ResourcePlace } from "../secrets/secret-error.ts";
import type { PolicyStatement } from "./iam-policy.ts";

/**
 * What a task needs of AWS to read the secrets that a configuration refers to, and to log in to databases by tokens. Beside what it
 * needs for the storage; nothing where the configuration has neither. Variables that are not set here cannot be looked into.
 */
export function credentialStatements(config: Config, place: ResourcePlace): PolicyStatement[] {
  const references = referencesOf(config).map(({ reference }) => reference);
  return [
    ...readStatement("Secrets", "secretsmanager", references, place),
    ...readStatement("Parameters", "ssm", references, place),
    ...decryptStatement(references, place),
    ...tokenStatement(config, place),
  ];
}

function readStatement(
  sid: string,
  service: SecretReference["service"],
  references: readonly SecretReference[],
  place: ResourcePlace,
): PolicyStatement[] {
  const resources = references
    .filter((reference) => reference.service === service)
    .map((reference) => resourceFor(reference, place));
  return allow(sid, actionFor({ service }), resources);
}

/** Which keys they are encrypted with the configuration does not say; only through these two services may any be used. */
function decryptStatement(
  references: readonly SecretReference[],
  { region = "*", account = "*", partition = "aws" }: ResourcePlace,
): PolicyStatement[] {
  const suffix = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  const places = references.map((reference) => ({
    service: reference.service,
    ...(placeInReference(reference) ?? { region, account }),
  }));
  const keys = places.map((place) => `arn:${partition}:kms:${place.region}:${place.account}:key/*`);
  const through = places.map((place) => `${place.service}.${place.region}.${suffix}`);
  const services = [...new Set(through)].sort();
  return allow("DecryptSecrets", "kms:Decrypt", keys).map((statement) => ({
    ...statement,
    Condition: { StringLike: { "kms:ViaService": services } },
  }));
}

/** The database's resource id (`db-ABCDEFGH`) the configuration does not say: whoever wants it narrower puts it there. */
function tokenStatement(
  config: Config,
  { region, account = "*", partition = "aws" }: ResourcePlace,
): PolicyStatement[] {
  const resources = Object.keys(config.databases)
    .filter((name) => usesTokens(config, name))
    .map((name) => {
      const known = connectionOf(config, name);
      const where = known?.rdsToken?.region ?? region ?? "*";
      return `arn:${partition}:rds-db:${where}:${account}:dbuser:*/${known?.user ?? "*"}`;
    });
  return allow("DatabaseTokens", "rds-db:connect", resources);
}

function usesTokens({ origins }: Config, name: string): boolean {
  return origins.some(({ path, shown }) => path === `databases.${name}.auth` && shown === "rds-iam");
}

function connectionOf({ databases }: Config, name: string) {
  try {
    return databases[name]?.connection.peek();
  } catch {
    // Its variables are set elsewhere.
    return undefined;
  }
}

function allow(sid: string, action: string, resources: readonly string[]): PolicyStatement[] {
  if (resources.length === 0) return [];
  return [{ Sid: sid, Effect: "Allow", Action: [action], Resource: [...new Set(resources)].sort() }];
}
