import { randomBytes } from "node:crypto";
import { Secret } from "../../config/secret.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { quoteIdentifier, quoteLiteral } from "../../postgres/quote.ts";
import { scramVerifier } from "../../postgres/scram.ts";
import { templateRoleName, temporaryRoleName } from "./names.ts";

const PASSWORD_BYTES = 32;
/** Milliseconds. Longer than any restore; a role that was left behind cannot log in for ever. */
const LIFETIME = 24 * 60 * 60 * 1000;

/** A role that owns all that one restore makes, until it is handed over. */
export interface TemporaryRole {
  name: string;
  /** Undefined: nobody logs in as it, the connecting role takes it on. */
  password: Secret | undefined;
}

/** What the role is for. */
export type RolePurpose =
  /** Logs in by itself and is nothing more: what a backup says runs as it. */
  | "load"
  /** Is taken on by a superuser who trusts the backup, only so that all it made can be handed over. */
  | "own";

/**
 * Creates a restore's role.
 *
 * A role that loads may bypass row-level security, as a superuser would, or a materialized view of a table with forced
 * policies could not be filled. It holds nothing that this could open.
 */
export async function createTemporaryRole(
  client: PostgresClient,
  runId: string,
  purpose: RolePurpose,
): Promise<TemporaryRole> {
  const name = temporaryRoleName(runId);
  if (purpose === "own") {
    await client.query(`CREATE ROLE ${quoteIdentifier(name)} NOLOGIN SUPERUSER`);
    return { name, password: undefined };
  }
  const password = randomBytes(PASSWORD_BYTES).toString("base64url");
  const validUntil = new Date(Date.now() + LIFETIME).toISOString();
  await client.query(
    `CREATE ROLE ${quoteIdentifier(name)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS ` +
      `PASSWORD ${quoteLiteral(await scramVerifier(password))} VALID UNTIL ${quoteLiteral(validUntil)}`,
  );
  return { name, password: new Secret(password) };
}

/** Leaves a restore's role nothing but what it owns in a template, and tells so by its name. */
export async function retireTemporaryRole(client: PostgresClient, runId: string): Promise<void> {
  const role = quoteIdentifier(temporaryRoleName(runId));
  await client.query(
    `BEGIN;
     ALTER ROLE ${role} NOLOGIN NOSUPERUSER NOBYPASSRLS PASSWORD NULL;
     ALTER ROLE ${role} RENAME TO ${quoteIdentifier(templateRoleName(runId))};
     COMMIT`,
  );
}
