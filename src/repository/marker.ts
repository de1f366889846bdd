import { randomUUID } from "node:crypto";
import { z } from "zod";
import { DataopsError } from "../errors.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { MARKER_KEY } from "./keys.ts";
import { readWhole } from "./read-whole.ts";

/** The storage layout's version. A program that does not know the number touches nothing. */
const REPOSITORY_FORMAT = 1;

const MAX_MARKER_BYTES = 64 * 1024;

const versionSchema = z.object({ format: z.int().min(1) });
const markerSchema = z.strictObject({ format: z.literal(REPOSITORY_FORMAT), repository: z.uuid() });

/** `dataops.json` at the top of the storage: says that what is here is ours, and in which layout. */
export type Marker = z.infer<typeof markerSchema>;

/**
 * The storage's marker, or undefined where there is none yet.
 *
 * @throws DataopsError `refused` for a layout of a newer program, `corrupt` for anything else that is not a marker
 */
export async function readMarker(
  storage: Storage,
  options: StorageOptions = {},
): Promise<Marker | undefined> {
  try {
    return parseMarker(await readWhole(storage, MARKER_KEY, MAX_MARKER_BYTES, options), storage.url);
  } catch (error) {
    if (isStorageError(error, "not-found")) return undefined;
    throw error;
  }
}

/**
 * The storage's marker, written first where there is none. Of two writers at once, both go on with the same one where
 * the storage's conditional writes are real (`conditional`); elsewhere the last one's id stays.
 *
 * @throws DataopsError as `readMarker` does, and whatever the storage does when it cannot be written
 */
export async function ensureMarker(
  storage: Storage,
  options: StorageOptions & { conditional: boolean },
): Promise<Marker> {
  const found = await readMarker(storage, options);
  if (found !== undefined) return found;
  const marker = { format: REPOSITORY_FORMAT, repository: randomUUID() } satisfies Marker;
  const body = Buffer.from(`${JSON.stringify(marker, null, 2)}\n`);
  if (!options.conditional) {
    await storage.put(MARKER_KEY, body, options);
    return marker;
  }
  try {
    await storage.create(MARKER_KEY, body, options);
    return marker;
  } catch (error) {
    if (!isStorageError(error, "precondition-failed")) throw error;
    return (await readMarker(storage, options)) ?? marker;
  }
}

function parseMarker(content: Uint8Array, url: string): Marker {
  const json = parseJson(content, url);
  const version = versionSchema.safeParse(json);
  if (version.success && version.data.format > REPOSITORY_FORMAT) {
    throw new DataopsError(
      "refused",
      `${url} is in storage format ${version.data.format}; this program knows ${REPOSITORY_FORMAT}`,
      { hint: "use the version of dataops that wrote it, or a newer one" },
    );
  }
  const marker = markerSchema.safeParse(json);
  if (!marker.success) throw notOurs(url);
  return marker.data;
}

function parseJson(content: Uint8Array, url: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch (error) {
    throw notOurs(url, error);
  }
}

function notOurs(url: string, cause?: unknown): DataopsError {
  return new DataopsError("corrupt", `${url} holds a ${MARKER_KEY} that dataops did not write`, {
    hint: "choose another prefix for the backups, or look into what wrote that object",
    cause,
  });
}
