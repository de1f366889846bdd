import type { PostgresClient } from "../postgres/client.ts";
import type { SourceLocale } from "../replace/scratch/locale.ts";

/**
 * Encoding and locale of the database with this oid; of what the server makes by itself where there is none.
 */
export async function readLocale(
  maintenance: PostgresClient,
  oid: number | undefined,
): Promise<SourceLocale> {
  const [row] = await maintenance.query<SourceLocale & Record<string, unknown>>(
    `SELECT pg_catalog.pg_encoding_to_char(database.encoding) AS encoding,
            database.datcollate AS collate,
            database.datctype AS "characterType",
            coalesce(columns ->> 'datlocprovider', 'c') AS "localeProvider",
            coalesce(columns ->> 'datlocale', columns ->> 'daticulocale') AS locale
       FROM pg_catalog.pg_database AS database
      CROSS JOIN LATERAL pg_catalog.to_jsonb(database) AS columns
      WHERE CASE WHEN $1::oid IS NULL THEN database.datname = 'template1' ELSE database.oid = $1::oid END`,
    [oid ?? null],
  );
  if (row === undefined) throw new Error("the database to take the locale from is gone");
  const { encoding, collate, characterType, localeProvider, locale } = row;
  return { encoding, collate, characterType, localeProvider, locale };
}
