import type { PostgresClient } from "../../postgres/client.ts";
import { sqlStateOf } from "../../postgres/postgres-error.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";
import { localeAttempts, type SourceLocale } from "./locale.ts";

/** Errors of CREATE DATABASE that another locale may mend: unknown here, or not for this encoding. */
const LOCALE_STATES = new Set(["42809", "42P17", "22023", "0A000", "42704"]);

export interface EmptyDatabaseRequest {
  name: string;
  owner: string;
  source: SourceLocale;
  /** `server_version_num`. */
  serverVersion: number;
}

/**
 * Creates an empty database with the source's encoding, and with its locale as far as the server has that.
 *
 * @returns the locale that stands in for the source's; null where it is the source's
 */
export async function createEmptyDatabase(
  client: PostgresClient,
  { name, owner, source, serverVersion }: EmptyDatabaseRequest,
): Promise<string | null> {
  let failure: unknown;
  for (const { options, asSource, description } of localeAttempts(source, serverVersion)) {
    try {
      await client.query(
        `CREATE DATABASE ${quoteIdentifier(name)} OWNER ${quoteIdentifier(owner)} TEMPLATE template0 ${options}`,
      );
      return asSource ? null : description;
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === undefined || !LOCALE_STATES.has(state)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}
