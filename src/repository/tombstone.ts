import { z } from "zod";
import { BACKUP_ID_PATTERN } from "./backup-id.ts";

/**
 * A tombstone: what stands at the manifest's key of a run that is dead, so that it can publish nothing should it wake up.
 * It is no backup, and no damaged one.
 */

const tombstoneSchema = z.strictObject({
  format: z.literal(1),
  abandoned: z.strictObject({
    /** The run that took over. */
    by: z.string().regex(BACKUP_ID_PATTERN),
    at: z.iso.datetime({ precision: 3 }),
  }),
});

export type Tombstone = z.infer<typeof tombstoneSchema>;

/** Bytes; a manifest is never as short. */
export const MAX_TOMBSTONE_BYTES = 1024;

/** The bytes of a tombstone. */
export function serializeTombstone(tombstone: Tombstone): Uint8Array {
  return Buffer.from(`${JSON.stringify(tombstoneSchema.parse(tombstone))}\n`);
}

/** Reads bytes that may be a tombstone; undefined for everything else, a manifest above all. */
export function parseTombstone(content: Uint8Array): Tombstone | undefined {
  if (content.byteLength > MAX_TOMBSTONE_BYTES) return undefined;
  try {
    return tombstoneSchema.safeParse(JSON.parse(Buffer.from(content).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
