import { z } from "zod";
import { DataopsError } from "../errors.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { BACKUP_ID_PATTERN } from "./backup-id.ts";
import { DATABASE_NAME_PATTERN } from "./database-name.ts";
import { sidecarKey } from "./keys.ts";
import type { Manifest } from "./manifest.ts";
import { readWhole } from "./read-whole.ts";

/** What a person has said of a backup, beside its manifest: that a suspect is accepted, that it is kept. */

const SIDECAR_FORMAT = 1;

/** Bytes. */
const MAX_SIDECAR_BYTES = 16 * 1024;

/** Characters of a reason. */
export const MAX_NOTE_LENGTH = 1000;

const decisionSchema = z.strictObject({
  format: z.literal(SIDECAR_FORMAT),
  id: z.string().regex(BACKUP_ID_PATTERN),
  database: z.string().regex(DATABASE_NAME_PATTERN),
  /** When it was decided. */
  at: z.iso.datetime({ precision: 3 }),
  /** In the person's words; null where none were given. */
  reason: z.string().min(1).max(MAX_NOTE_LENGTH).nullable(),
});

/** A person's decision about one backup. */
export type Decision = z.infer<typeof decisionSchema>;

/** Those of the objects beside a manifest that a person decides on. */
export type DecisionKind = "accepted" | "kept";

/**
 * Writes a decision down. What counts is that it is there: what it says is for people.
 *
 * @throws StorageError
 */
export async function writeDecision(
  storage: Storage,
  kind: DecisionKind,
  { id, database }: Pick<Manifest, "id" | "database">,
  { at, reason }: { at: number; reason: string | undefined },
  options: StorageOptions = {},
): Promise<Decision> {
  const decision = decisionSchema.parse({
    format: SIDECAR_FORMAT,
    id,
    database,
    at: new Date(at).toISOString(),
    reason: reason ?? null,
  });
  await storage.put(sidecarKey(database, id, kind), Buffer.from(`${JSON.stringify(decision)}\n`), options);
  return decision;
}

/**
 * Reads a decision; undefined where there is none.
 *
 * @throws DataopsError `corrupt` where what is there is none of ours; StorageError
 */
export async function readDecision(
  storage: Storage,
  kind: DecisionKind,
  { id, database }: Pick<Manifest, "id" | "database">,
  options: StorageOptions = {},
): Promise<Decision | undefined> {
  const key = sidecarKey(database, id, kind);
  let content: Uint8Array;
  try {
    content = await readWhole(storage, key, MAX_SIDECAR_BYTES, options);
  } catch (error) {
    if (isStorageError(error, "not-found")) return undefined;
    throw error;
  }
  const decision = parseDecision(content);
  if (decision?.id === id && decision.database === database) return decision;
  throw new DataopsError("corrupt", `${key} does not say what was decided about ${id}`, {
    hint: "find out what wrote to the storage",
  });
}

/**
 * Takes a decision back.
 *
 * @throws StorageError
 */
export async function removeDecision(
  storage: Storage,
  kind: DecisionKind,
  { id, database }: Pick<Manifest, "id" | "database">,
  options: StorageOptions = {},
): Promise<void> {
  await storage.delete(sidecarKey(database, id, kind), options);
}

function parseDecision(content: Uint8Array): Decision | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(content);
    return decisionSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
