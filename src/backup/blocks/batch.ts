import type { StoredBlock, TextDigest } from "../../repository/blocks/stored-block.ts";
import type { HeldText, PassedText, TextSink } from "./block-text.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { Range } from "./ranges.ts";
import type { BlockStore } from "./store-blocks.ts";

/** Bytes of memory with texts of one connection that may wait to be stored, most often two; then the server waits. */
const MOST_UNSTORED = 1024 * 1024;

/** Bytes of a long text that may wait. */
const MOST_PASSING = 512 * 1024;

/** A text on its way into a pack. */
interface PassingText {
  stored: Promise<StoredBlock>;
  /** Says what it was. */
  end: (digest: TextDigest) => void;
}

/** Stores the texts of some ranges, or finds them stored. */
export class Batch implements TextSink {
  /** In the ranges' order; `changed` where only a digest was taken, and it is not the earlier block's. */
  readonly blocks: Promise<StoredBlock | "changed" | undefined>[] = [];
  readonly #store: BlockStore;
  readonly #ranges: readonly Range[];
  readonly #earlier: (range: Range) => StoredBlock | undefined;
  #unstored = 0;
  #onStored: PromiseWithResolvers<void> | undefined;
  #passing: PassingText | undefined;

  /** `earlier`: what the last backup has of a range. */
  constructor(
    store: BlockStore,
    ranges: readonly Range[],
    earlier: (range: Range) => StoredBlock | undefined,
  ) {
    this.#store = store;
    this.#ranges = ranges;
    this.#earlier = earlier;
  }

  empty(index: number): void {
    this.blocks[index] = Promise.resolve(undefined);
  }

  held(index: number, held: HeldText, rows: number): Promise<void> | undefined {
    const known = this.#store.find({ rows, size: held.text.byteLength, sha256: held.sha256 });
    if (known !== undefined) {
      held.release();
      this.blocks[index] = Promise.resolve(known);
      return undefined;
    }
    const memory = held.text.buffer.byteLength;
    this.#unstored += memory;
    const stored = this.#store.store(held, rows, this.#earlierOf(index)).finally(() => {
      held.release();
      this.#unstored -= memory;
      this.#onStored?.resolve();
      this.#onStored = undefined;
    });
    this.#keep(index, stored);
    if (this.#unstored < MOST_UNSTORED) return undefined;
    this.#onStored ??= Promise.withResolvers();
    return this.#onStored.promise;
  }

  begin(index: number): ByteQueue | undefined {
    if (this.#earlierOf(index) !== undefined) return undefined;
    const queue = new ByteQueue(MOST_PASSING);
    const digest = Promise.withResolvers<TextDigest>();
    const stored = this.#store.storeStream(queue, digest.promise);
    // A failure of the pack must reach the one that waits to push.
    stored.catch((error: unknown) => queue.fail(error));
    this.#passing = { stored, end: digest.resolve };
    return queue;
  }

  passed(index: number, { size, sha256 }: PassedText, rows: number): void {
    const passing = this.#passing;
    this.#passing = undefined;
    if (passing === undefined) {
      this.blocks[index] = Promise.resolve(this.#store.find({ rows, size, sha256 }) ?? "changed");
      return;
    }
    passing.end({ rows, size, sha256 });
    this.#keep(index, passing.stored);
  }

  #earlierOf(index: number): StoredBlock | undefined {
    const range = this.#ranges[index];
    return range === undefined ? undefined : this.#earlier(range);
  }

  #keep(index: number, stored: Promise<StoredBlock>): void {
    this.blocks[index] = stored;
    // A failure is told to whoever waits for the block.
    stored.catch(() => undefined);
  }
}
