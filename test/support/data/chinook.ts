import { readFileSync } from "node:fs";

/** What the file does before its first table: it makes and enters a database of its own. */
const ENTERS_DATABASE = String.raw`\c chinook;`;

/** The Chinook sample database, a shop for music, as one multi-statement query for an empty database. */
export function chinook(): string {
  const script = readFileSync(new URL("chinook.sql", import.meta.url), "utf8");
  return script.slice(script.indexOf(ENTERS_DATABASE) + ENTERS_DATABASE.length);
}
