import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../errors.ts";
import type { Job } from "../repository/job.ts";
import { leaseKey } from "../repository/keys.ts";
import { readTagged } from "../repository/read-tagged.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage } from "../storage/storage.ts";
import type { Clock } from "./clock.ts";
import { fencedError, RELEASE_TIMEOUT, type JobLock } from "./job-lock.ts";
import {
  MAX_LEASE_BYTES,
  parseLease,
  serializeLease,
  type Holder,
  type LeaseRecord,
} from "./lease-record.ts";

/** A lease is renewed so often while it lasts once. */
const RENEWALS = 3;

/** The pause after a renewal that failed fits so often into the time that the lease lasts. */
const PAUSES = 10;

interface Written {
  lease: LeaseRecord;
  tag: string;
  /** When it ends, by the monotonic clock, in milliseconds. */
  until: number;
}

/**
 * A lease that this process holds, and renews by itself.
 *
 * The holder judges by its own monotonic clock, from before the request of the last renewal that succeeded: so it gives up
 * earlier than any observer can take over. A process that was stopped finds its lease ended before it does anything else.
 */
export class HeldLease implements JobLock {
  readonly #storage: Storage;
  readonly #job: Job;
  readonly #clock: Clock;
  /** Milliseconds. */
  readonly #duration: number;
  #written: Written;
  #unsettled: readonly Holder[];
  readonly #lost = new AbortController();
  /** Ends a renewal that is on its way, when the lease is given back. */
  readonly #closing = new AbortController();
  #lastError: unknown;
  #renewal: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  /** Settles when the last request about the lease is over: they do not overlap. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    { storage, job, clock, duration }: { storage: Storage; job: Job; clock: Clock; duration: number },
    written: Written,
  ) {
    this.#storage = storage;
    this.#job = job;
    this.#clock = clock;
    this.#duration = duration;
    this.#written = written;
    this.#unsettled = written.lease.unsettled;
    this.#watchExpiry();
    this.#renewIn(duration / RENEWALS);
  }

  get generation(): number {
    return this.#written.lease.generation;
  }

  get holder(): Holder {
    return this.#written.lease.holder;
  }

  get unsettled(): readonly Holder[] {
    return this.#unsettled;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  isHeld(): boolean {
    if (!this.#lost.signal.aborted && this.#clock.monotonic() >= this.#written.until)
      this.#lose(this.#whyExpired());
    return !this.#lost.signal.aborted;
  }

  settled(): void {
    this.#unsettled = [];
  }

  /** A renewal is a conditional write: that it succeeds proves more than a look at the lease. */
  async confirm(): Promise<void> {
    while (this.isHeld() && !this.#closing.signal.aborted) {
      if (await this.#exclusively(() => this.#renew())) return;
    }
    this.#lost.signal.throwIfAborted();
    throw fencedError(this.#job, "it was given back");
  }

  async release({ settled }: { settled: boolean }): Promise<void> {
    clearTimeout(this.#renewal);
    clearTimeout(this.#expiry);
    this.#closing.abort();
    if (!settled) this.#unsettled = [...this.#unsettled, this.holder];
    const signal = AbortSignal.timeout(RELEASE_TIMEOUT);
    // Where it cannot be given back, it ends by itself.
    await this.#exclusively(async () => {
      // The second try is for a renewal that was broken off, and had been written.
      for (let tries = 0; tries < 2 && !this.#lost.signal.aborted; tries += 1) {
        if (await this.#write("free", signal)) return;
      }
    }).catch(() => undefined);
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #renewIn(milliseconds: number): void {
    clearTimeout(this.#renewal);
    if (this.#lost.signal.aborted || this.#closing.signal.aborted) return;
    this.#renewal = setTimeout(() => void this.#exclusively(() => this.#renew()), milliseconds);
  }

  /** @returns whether it was renewed; never throws */
  async #renew(): Promise<boolean> {
    // A process that was stopped wakes up here: what ended meanwhile must not be renewed.
    if (!this.isHeld() || this.#closing.signal.aborted) return false;
    const left = AbortSignal.timeout(Math.ceil(this.#written.until - this.#clock.monotonic()));
    let isRenewed = false;
    try {
      isRenewed = await this.#write("held", AbortSignal.any([left, this.#closing.signal]));
    } catch (error) {
      this.#lastError = left.aborted ? new Error("the storage did not answer in time") : error;
      // Not without a pause, which ends when the lease is given back.
      await delay(this.#duration / PAUSES, undefined, { signal: this.#closing.signal }).catch(
        () => undefined,
      );
    }
    this.#renewIn(isRenewed ? this.#duration / RENEWALS : 0);
    return isRenewed;
  }

  /** @returns false where the lease was not what we thought, but is ours still: then it is now known */
  async #write(state: LeaseRecord["state"], signal: AbortSignal): Promise<boolean> {
    const now = this.#clock.now();
    const asked = this.#clock.monotonic();
    const { lease: last, tag } = this.#written;
    const lease = {
      ...last,
      state,
      renewed: new Date(now).toISOString(),
      expires: new Date(now + this.#duration).toISOString(),
      renewals: last.renewals + 1,
      unsettled: [...this.#unsettled],
    } satisfies LeaseRecord;
    try {
      const info = await this.#storage.replace(leaseKey(this.#job), serializeLease(lease), tag, { signal });
      this.#written = { lease, tag: info.tag, until: asked + this.#duration };
      this.#watchExpiry();
      return true;
    } catch (error) {
      if (!isStorageError(error, "precondition-failed")) throw error;
      await this.#lookWhose(signal);
      return false;
    }
  }

  /** Somebody wrote the lease: another run, or we ourselves, by a request that counted as failed. */
  async #lookWhose(signal: AbortSignal): Promise<void> {
    const key = leaseKey(this.#job);
    const found = await readTagged(this.#storage, key, MAX_LEASE_BYTES, { signal });
    const lease = found && parseLease(found.content, key);
    if (found === undefined || lease === undefined) return this.#lose(`somebody removed ${key}`);
    if (lease.generation !== this.generation || lease.holder.run !== this.holder.run) {
      return this.#lose(
        `run ${lease.holder.run} on ${lease.holder.host} took over, at ${lease.holder.since}`,
      );
    }
    this.#written = { ...this.#written, lease: { ...lease, holder: this.holder }, tag: found.tag };
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    const left = this.#written.until - this.#clock.monotonic();
    this.#expiry = setTimeout(() => this.isHeld() && this.#watchExpiry(), Math.max(1, Math.ceil(left)));
  }

  #whyExpired(): string {
    const why = this.#lastError === undefined ? "this process was stopped" : messageOf(this.#lastError);
    return `its lease was not renewed for ${this.#duration / 1000} s (${why})`;
  }

  #lose(why: string): void {
    clearTimeout(this.#renewal);
    clearTimeout(this.#expiry);
    this.#lost.abort(fencedError(this.#job, why, this.#lastError));
  }
}
