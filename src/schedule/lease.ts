import { setTimeout as delay } from "node:timers/promises";
import type { Job } from "../repository/job.ts";
import { leaseKey } from "../repository/keys.ts";
import { readTagged } from "../repository/read-tagged.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage } from "../storage/storage.ts";
import type { Clock } from "./clock.ts";
import { HeldLease } from "./held-lease.ts";
import { delayedSignal } from "../delayed-signal.ts";
import { BusyError, RELEASE_TIMEOUT } from "./job-lock.ts";
import {
  judgeLease,
  MAX_LEASE_BYTES,
  parseLease,
  serializeLease,
  type Holder,
  type LeaseRecord,
  type Sighting,
} from "./lease-record.ts";

/** Milliseconds that a lease lasts without being renewed: two renewals may fail, and nobody waits long for the dead. */
export const LEASE_DURATION = 30_000;

/** How often a lease is looked at while it lasts once. */
const LOOKS = 30;

export interface LeaseRequest {
  storage: Storage;
  job: Job;
  clock: Clock;
  /** Milliseconds that it lasts without being renewed. */
  duration: number;
  /** Who takes it, as of now. */
  makeHolder: () => Holder;
  /** Told of a holder that may be dead, before it is watched. */
  onWatch: (holder: Holder) => void;
  signal: AbortSignal;
}

/**
 * Takes the job's lease. One that is held is watched until its holder shows a sign of life, or has shown none for as long
 * as the lease lasts.
 *
 * @throws BusyError where another run holds it; DataopsError `corrupt` where something else stands at its key; StorageError;
 *   after an abort: the signal's reason
 */
export async function acquireLease(request: LeaseRequest): Promise<HeldLease> {
  const { job, clock, duration, signal } = request;
  let last: Sighting | undefined;
  let wasBeaten = false;
  for (;;) {
    const seen = await look(request, last);
    const hasChanged = wasBeaten || (last !== undefined && last.tag !== seen?.tag);
    const verdict = judgeLease(seen, hasChanged, clock.monotonic());
    if (verdict === "alive" && seen !== undefined) throw new BusyError(job, seen.lease.holder);
    if (verdict === "watch" && seen !== undefined) {
      if (last === undefined) request.onWatch(seen.lease.holder);
      last = seen;
      await delay(duration / LOOKS, undefined, { signal }).catch(() => signal.throwIfAborted());
      continue;
    }
    signal.throwIfAborted();
    const lease = await take(request, seen);
    if (lease !== undefined) {
      if (signal.aborted) await lease.release({ settled: true });
      signal.throwIfAborted();
      return lease;
    }
    // Whoever was faster has just written it.
    wasBeaten = true;
  }
}

/** The lease as it is, and since when this observer has seen it so. */
async function look(
  { storage, job, clock, signal }: LeaseRequest,
  last: Sighting | undefined,
): Promise<Sighting | undefined> {
  const key = leaseKey(job);
  const found = await readTagged(storage, key, MAX_LEASE_BYTES, { signal });
  if (found === undefined) return undefined;
  const since = last?.tag === found.tag ? last.since : clock.monotonic();
  return { tag: found.tag, lease: parseLease(found.content, key), since };
}

/** Writes ourselves into the lease; undefined where somebody else wrote it since it was seen. */
async function take(request: LeaseRequest, seen: Sighting | undefined): Promise<HeldLease | undefined> {
  const { storage, job, clock, duration } = request;
  // Broken off, the write may have been done: then nobody would hold the job, and nobody could have it.
  using patient = delayedSignal(request.signal, RELEASE_TIMEOUT);
  const { signal } = patient;
  const now = clock.now();
  const asked = clock.monotonic();
  const lease = {
    format: 1,
    generation: (seen?.lease.generation ?? 0) + 1,
    state: "held",
    holder: request.makeHolder(),
    renewed: new Date(now).toISOString(),
    expires: new Date(now + duration).toISOString(),
    renewals: 0,
    unsettled: unsettledAfter(seen?.lease),
  } satisfies LeaseRecord;
  const body = serializeLease(lease);
  try {
    const { tag } =
      seen === undefined
        ? await storage.create(leaseKey(job), body, { signal })
        : await storage.replace(leaseKey(job), body, seen.tag, { signal });
    return new HeldLease({ storage, job, clock, duration }, { lease, tag, until: asked + duration });
  } catch (error) {
    if (!isStorageError(error, "precondition-failed")) throw error;
    return undefined;
  }
}

/** A run that never gave its lease back is one more whose end is to be written down. Pure. */
function unsettledAfter(lease: LeaseRecord | undefined): Holder[] {
  if (lease === undefined) return [];
  return lease.state === "held" && lease.holder.visitor === undefined
    ? [...lease.unsettled, lease.holder]
    : lease.unsettled;
}
