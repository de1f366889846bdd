import type { BulkOutcome, BulkSender } from "../search/bulk-sender.ts";
import type { Progress } from "../observe/reporter.ts";
import type { DocumentTable } from "./document-table.ts";
import type { Refusals } from "./refusals.ts";
import type { Throttle } from "./throttle.ts";

/** Requests of one stream that may be on their way or wait for their turn, before its reading waits. */
const MOST_WAITING = 2;

export interface RequestDependencies {
  sender: BulkSender;
  table: DocumentTable;
  refusals: Refusals;
  throttle: Throttle;
  progress: Progress;
  signal: AbortSignal;
}

/** What all items of a stream have in common. */
export interface ItemKind {
  /** Of our own numbering. */
  version: number;
  isDelete: boolean;
  /** Told of a request's entries where the engine has something newer for some of them. */
  onConflicts?: (entries: readonly number[]) => void;
}

/**
 * Gathers the lines of one stream into requests, and sends them. Nothing is looked into: a line begins where one ended.
 *
 * A failure of any request is thrown by what is called next.
 */
export class Requests {
  readonly #dependencies: RequestDependencies;
  readonly #kind: ItemKind;
  /** Of requests that were answered: to be filled again. */
  readonly #pool: Buffer[] = [];
  #buffer: Buffer | undefined;
  #used = 0;
  #entries: number[] = [];
  readonly #sending = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(dependencies: RequestDependencies, kind: ItemKind) {
    this.#dependencies = dependencies;
    this.#kind = kind;
  }

  /** Takes an entry's lines: those of `bytes` from `start` up to, not including, `end`. A promise asks for no more for now. */
  add(bytes: Buffer, start: number, end: number, entry: number): Promise<void> | undefined {
    this.#throwFailure();
    const size = end - start;
    let waiting: Promise<void> | undefined;
    const isFull = this.#buffer !== undefined && this.#used + size > this.#buffer.byteLength;
    if (isFull || this.#entries.length >= this.#dependencies.throttle.most) {
      this.#send();
      if (this.#sending.size >= MOST_WAITING) waiting = this.#untilOneIsAnswered();
    }
    this.#buffer ??= this.#takeBuffer(size);
    bytes.copy(this.#buffer, this.#used, start, end);
    this.#used += size;
    this.#entries.push(entry);
    return waiting;
  }

  /** Sends what there is. Fulfilled when the engine has answered everything. */
  async flush(): Promise<void> {
    this.#send();
    await Promise.all(this.#sending);
    this.#throwFailure();
  }

  #send(): void {
    const buffer = this.#buffer;
    if (buffer === undefined || this.#used === 0) return;
    const sending = this.#sendOne(buffer.subarray(0, this.#used), this.#entries)
      .then(() => void this.#pool.push(buffer))
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
    this.#buffer = undefined;
    this.#used = 0;
    this.#entries = [];
  }

  async #sendOne(body: Uint8Array, entries: readonly number[]): Promise<void> {
    const { sender, throttle, signal, progress, table, refusals } = this.#dependencies;
    await throttle.wait(entries.length, signal);
    if (!this.#kind.isDelete) for (const entry of entries) table.markSent(entry);
    const outcome = await sender.send(body, { signal, items: entries.length });
    this.#note(entries, outcome);
    progress.add(entries.length);
    refusals.checkSlack();
  }

  #note(entries: readonly number[], { refused, refusedCount, conflicts }: BulkOutcome): void {
    const { table, refusals } = this.#dependencies;
    const { version, isDelete, onConflicts } = this.#kind;
    const refusedIds = new Set(refused.map(({ id }) => id));
    const areAllNamed = refused.length === refusedCount;
    for (const entry of entries) {
      const isRefused = refusedCount > 0 && (!areAllNamed || refusedIds.has(table.id(entry)));
      if (isRefused) {
        table.refuse(entry);
        continue;
      }
      if (refusals.count > 0) refusals.clear(table.id(entry));
      if (isDelete) table.settleGone(entry, version);
      else table.settle(entry, version);
    }
    refusals.add(refused, refusedCount);
    if (conflicts > 0) onConflicts?.(entries);
  }

  async #untilOneIsAnswered(): Promise<void> {
    await Promise.race(this.#sending);
    this.#throwFailure();
  }

  #takeBuffer(size: number): Buffer {
    const wanted = this.#dependencies.sender.maxRequestBytes;
    const pooled = this.#pool.pop();
    if (pooled !== undefined && pooled.byteLength >= size && pooled.byteLength <= Math.max(wanted, size))
      return pooled;
    return Buffer.allocUnsafeSlow(Math.max(wanted, size));
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
