import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DataopsError, messageOf } from "../errors.ts";
import type { JsonObject } from "./search-engine.ts";

/** How an index is to be made, as a team keeps it in files. */
export interface IndexDefinition {
  mappings: JsonObject;
  settings: JsonObject;
  /** SHA-256 of both, whatever the order of their keys: an index of another digest was made from other files. */
  digest: string;
}

/** Bytes; a mapping of a thousand fields has 100 kB. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads mapping and settings. The mapping's file holds a mapping (`{ "properties": … }`), or `{ "mappings": …, "settings": … }`
 * as an index is created from; settings of their own file win over those.
 *
 * @param files paths; of settings only where they have a file of their own
 * @throws DataopsError `usage` for a file that cannot be read, or holds something else
 */
export async function readIndexDefinition(files: {
  mapping: string;
  settings?: string | undefined;
}): Promise<IndexDefinition> {
  const whole = await readJsonObject(files.mapping);
  const isBody = "mappings" in whole || "settings" in whole;
  const mappings = isBody ? objectIn(whole, "mappings", files.mapping) : whole;
  const beside = isBody ? objectIn(whole, "settings", files.mapping) : {};
  if (isBody) refuseOthers(whole, files.mapping);
  const own = files.settings === undefined ? undefined : await readJsonObject(files.settings);
  const settings = flattenSettings(own === undefined ? beside : withoutWrapper(own, files.settings ?? ""));
  return { mappings, settings, digest: digestOf({ mappings, settings }) };
}

/** SHA-256 in hexadecimal of a JSON value, with the keys of objects in order. */
export function digestOf(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex");
}

/** `{ index: { refresh_interval: … } }` and `{ "index.refresh_interval": … }` say the same: here it is `refresh_interval`. */
function flattenSettings(settings: JsonObject): JsonObject {
  const nested = settings["index"];
  const inner = isJsonObject(nested) ? nested : {};
  const outer = Object.entries(settings).filter(([key]) => key !== "index");
  const plain = [...outer, ...Object.entries(inner)].map(
    ([key, value]) => [key.replace(/^index\./, ""), value] as const,
  );
  return Object.fromEntries(plain);
}

function withoutWrapper(settings: JsonObject, file: string): JsonObject {
  return "settings" in settings ? objectIn(settings, "settings", file) : settings;
}

/** Aliases are the swap's to make: one in the file would put a half-built index before its readers. */
function refuseOthers(whole: JsonObject, file: string): void {
  const other = Object.keys(whole).find((key) => key !== "mappings" && key !== "settings");
  if (other === undefined) return;
  throw new DataopsError("usage", `${file}: ${JSON.stringify(other)} beside mappings and settings`, {
    hint: "keep mappings and settings only: dataops makes the alias",
  });
}

function objectIn(whole: JsonObject, key: string, file: string): JsonObject {
  const value = whole[key] ?? {};
  if (isJsonObject(value)) return value;
  throw new DataopsError("usage", `${file}: ${key} is not an object`, { hint: "write a JSON object" });
}

async function readJsonObject(file: string): Promise<JsonObject> {
  let value: unknown;
  try {
    const text = await readFile(file);
    if (text.byteLength > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (error) {
    throw new DataopsError("usage", `cannot read ${file}: ${messageOf(error)}`, {
      hint: "it must be a file of JSON, in UTF-8",
      cause: error,
    });
  }
  if (isJsonObject(value)) return value;
  throw new DataopsError("usage", `${file} is not a JSON object`, { hint: 'write {"properties": …}' });
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
