import type { SecretReference } from "../config/secret-reference.ts";
import { DataopsError } from "../errors.ts";

/** Bytes; as much as Secrets Manager keeps. */
export const MAX_SECRET_BYTES = 64 * 1024;

/** Of the keys that a secret has, as many are named as help. */
const MOST_KEYS = 20;
const LONGEST_KEY = 64;

/**
 * What a reference stands for in what AWS holds under its name. Pure.
 *
 * @throws DataopsError `usage`: no text, empty, too long, no JSON object, no such key; it names keys, never a value
 */
export function valueOf({ key, text }: SecretReference, content: string | undefined): string {
  if (content === undefined) {
    throw unusable(text, "it is binary", "store it as text, or as a JSON object");
  }
  if (Buffer.byteLength(content) > MAX_SECRET_BYTES) {
    throw unusable(text, `it is longer than ${MAX_SECRET_BYTES} bytes`, "is it the right secret?");
  }
  const value = key === undefined ? content : valueAt(key, content, text);
  if (value === "") throw unusable(text, "it is empty", "give it a value");
  return value;
}

function valueAt(key: string, content: string, text: string): string {
  const object = parseObject(content);
  if (object === undefined) {
    throw unusable(text, "it is no JSON object", "leave out # and the key, if the whole of it is the value");
  }
  if (!Object.hasOwn(object, key)) throw unusable(text, "there is no such key", hintOf(Object.keys(object)));
  const value = object[key];
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw unusable(text, "the key's value is neither text nor a number", "store it as text");
}

function hintOf(keys: readonly string[]): string {
  if (keys.length === 0) return "it has none";
  const shown = keys.slice(0, MOST_KEYS).map((key) => JSON.stringify(key.slice(0, LONGEST_KEY)));
  const more = keys.length > MOST_KEYS ? `, and ${keys.length - MOST_KEYS} more` : "";
  return `it has ${shown.join(", ")}${more}`;
}

/** Without the parser's own words, which quote what they could not read. */
function parseObject(content: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function unusable(text: string, why: string, hint: string): DataopsError {
  return new DataopsError("usage", `${text} cannot be used: ${why}`, { hint });
}
