import { quoteIdentifier, quoteLiteral } from "../../postgres/quote.ts";

/**
 * The right side of `ALTER DATABASE … SET`, from how the server stores a setting: `name=value`. Pure.
 *
 * Settings that are lists of names are stored as one text, `"$user", public`, which as one literal would be one name.
 * pg_dump keeps the same list of such settings, as the server does not tell them.
 */

const LISTS_OF_NAMES = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

/** One name of a list: in double quotes, doubled inside, or bare up to the comma. */
const LISTED_NAME = /\s*(?:"(?<quoted>(?:[^"]|"")*)"|(?<bare>[^",]*[^",\s]))\s*(?:,|$)/gy;

/** `SET "work_mem" = '8MB'`. */
export function renderSetting(stored: string): string {
  const separator = stored.indexOf("=");
  const name = stored.slice(0, separator);
  const value = stored.slice(separator + 1);
  const literals = LISTS_OF_NAMES.has(name.toLowerCase()) ? splitNames(value) : [value];
  return `SET ${renderName(name)} = ${literals.map(quoteLiteral).join(", ")}`;
}

/** Custom settings have two or more parts, which are quoted each on its own. */
function renderName(name: string): string {
  return name.split(".").map(quoteIdentifier).join(".");
}

function splitNames(value: string): string[] {
  const names = [...value.matchAll(LISTED_NAME)].map(({ groups }) =>
    groups?.["quoted"] === undefined ? (groups?.["bare"] ?? "") : groups["quoted"].replaceAll('""', '"'),
  );
  return names.length === 0 ? [""] : names;
}
