import { z } from "zod";
import { DataopsError } from "../errors.ts";
import { BACKUP_ID_PATTERN } from "../repository/backup-id.ts";

/** What stands in a job's lease: who holds the job, and until when. */

const LEASE_FORMAT = 1;

/** Bytes; a longer object is no lease. */
export const MAX_LEASE_BYTES = 256 * 1024;

/** Milliseconds. A lease that claims more is believed this much: nobody can block a job for a day by one small object. */
const LONGEST = 10 * 60 * 1000;

const instant = z.iso.datetime({ precision: 3 });

const holderSchema = z.strictObject({
  run: z.string().regex(BACKUP_ID_PATTERN),
  /** The machine that it runs on, for people. */
  host: z.string().max(255),
  pid: z.int().min(0),
  /** When it took the job, by its own clock. */
  since: instant,
  /** The scheduled instant that it is for; null for a run by hand. */
  slot: instant.nullable(),
  /** What holds the job so that nobody can run it, and is no run of it: `prune production`. */
  visitor: z.string().max(100).optional(),
});

const leaseSchema = z.strictObject({
  format: z.literal(LEASE_FORMAT),
  /** Larger with each holder; a lease is never deleted, so that it always grows. */
  generation: z.int().min(1),
  state: z.enum(["held", "free"]),
  /** The last one, where the lease is free. */
  holder: holderSchema,
  /** By the holder's clock, for people; nobody else's clock is held against them. */
  renewed: instant,
  expires: instant,
  /** Counts the writes of this holder, so that each gives the object another content, and another tag. */
  renewals: z.int().min(0),
  /** Earlier holders whose end nobody has written down yet: whoever takes the lease does. */
  unsettled: z.array(holderSchema).max(1_000),
});

export type LeaseRecord = z.infer<typeof leaseSchema>;
/** A run that holds a job, or did. */
export type Holder = z.infer<typeof holderSchema>;

/** The bytes of a lease. */
export function serializeLease(lease: LeaseRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(leaseSchema.parse(lease))}\n`);
}

/**
 * Reads a lease's bytes. `key` names the object in the error.
 *
 * @throws DataopsError `corrupt`
 */
export function parseLease(content: Uint8Array, key: string): LeaseRecord {
  try {
    return leaseSchema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content)));
  } catch (error) {
    throw new DataopsError("corrupt", `${key} is not a lease that this version knows`, {
      hint: "use the newest dataops that uses this storage; where nothing runs, remove the object",
      cause: error,
    });
  }
}

/** Milliseconds that a lease lasts without being renewed. */
export function durationOf({ renewed, expires }: Pick<LeaseRecord, "renewed" | "expires">): number {
  return Math.min(Math.max(Date.parse(expires) - Date.parse(renewed), 0), LONGEST);
}

/** A lease as it was found, and since when it has looked like this, on the observer's own monotonic clock. */
export interface Sighting {
  tag: string;
  lease: LeaseRecord;
  /** Milliseconds. */
  since: number;
}

/**
 * - `take`: nobody holds it
 * - `take-over`: its holder has not renewed it for as long as it lasts
 * - `watch`: its holder may be alive or dead
 * - `alive`: its holder wrote it since the first look
 */
export type LeaseVerdict = "take" | "take-over" | "watch" | "alive";

/**
 * Whether the job can be had. Pure.
 *
 * No two machines' clocks are compared: what counts is whether the lease changes while one looks at it. `changed`: it is
 * not what it was at the first look.
 *
 * @param now milliseconds, of the clock of `since`
 */
export function judgeLease(sighting: Sighting | undefined, changed: boolean, now: number): LeaseVerdict {
  if (sighting === undefined || sighting.lease.state === "free") return "take";
  if (changed) return "alive";
  return now - sighting.since >= durationOf(sighting.lease) ? "take-over" : "watch";
}
