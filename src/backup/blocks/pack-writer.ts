import type { FrameReference, TextDigest } from "../../repository/blocks/stored-block.ts";
import { serializePackContents, type PackedBlock } from "../../repository/blocks/pack-contents.ts";
import type { PackCache } from "../../repository/blocks/pack-cache.ts";
import { packKey, packName } from "../../repository/keys.ts";
import type { Storage } from "../../storage/storage.ts";
import { BufferRing } from "../../storage/buffer-ring.ts";
import { choosePartSize, uploadStream } from "../../storage/upload.ts";
import { discardObject, discardUploads } from "../discard.ts";
import { patientlyStarting } from "../patient-start.ts";
import { ByteQueue } from "./byte-queue.ts";

/** Bytes after which a pack is closed and the next one begun: what is lost, at most, when a run is killed. */
const PACK_SIZE = 64 * 1024 * 1024;

/** Parts on their way at once, while another one fills: the archive has parts on its way, too, and memory is for both. */
const UPLOAD_CONCURRENCY = 2;

export interface PackWriterOptions {
  storage: Storage;
  /** The database's name in the configuration. */
  database: string;
  /** The backup's. */
  id: string;
  signal: AbortSignal;
  /** Keeps what is written, for the next backup. */
  cache?: PackCache | undefined;
  /** Told of bytes that arrived in the storage. */
  onProgress?: ((bytes: number) => void) | undefined;
  /** Bytes; for tests. */
  packSize?: number | undefined;
}

interface OpenPack {
  name: string;
  /** Bytes so far. */
  size: number;
  /** Its blocks that are stored as themselves. */
  blocks: PackedBlock[];
  queue: ByteQueue;
  uploaded: Promise<unknown>;
}

/**
 * Writes frames one after the other into packs, which are uploaded as they fill. Nothing is begun before the first frame.
 *
 * After any failure, and before the manifest is written in any case, `discard` takes away what is there.
 */
export class PackWriter {
  readonly #options: PackWriterOptions;
  readonly #packSize: number;
  /** One for all packs: what each would leave behind is found late. */
  readonly #ring: BufferRing;
  readonly #complete: [name: string, size: number][] = [];
  readonly #begun: string[] = [];
  #open: OpenPack | undefined;
  /** How many wait for the storage: to take bytes, or to end an upload. */
  #waiting = 0;
  /** Settles when the last append is over: frames do not mix. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PackWriterOptions) {
    this.#options = options;
    this.#packSize = options.packSize ?? PACK_SIZE;
    const partSize = choosePartSize(options.storage.limits, this.#packSize);
    this.#ring = new BufferRing(partSize, UPLOAD_CONCURRENCY + 1);
  }

  /**
   * Appends one frame, in pieces that are there or as they come, and says where it is. Fulfilled when its bytes were taken
   * for upload, and are not looked at any more.
   *
   * `block`: what is in it, for a block that is stored as itself; known at the frame's end.
   *
   * @throws what `frame` throws, as `uploadStream` does, or the signal's reason
   */
  append(
    frame: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    block?: Promise<TextDigest>,
  ): Promise<FrameReference> {
    const appended = this.#turn.then(() => this.#append(frame, block));
    // Whoever appended is told of a failure; the next one meets it again.
    this.#turn = appended.catch(() => undefined);
    return appended;
  }

  /** Whether somebody waits for the storage. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Completes the last pack, and gives all with their sizes in bytes. Nothing may be appended any more.
   *
   * @throws as `append`
   */
  async finish(): Promise<readonly (readonly [name: string, size: number])[]> {
    await this.#turn;
    await this.#close();
    return this.#complete;
  }

  /** Takes away everything that was written: it is part of no backup. */
  async discard(reason: unknown): Promise<void> {
    const open = this.#open;
    open?.queue.fail(reason);
    await Promise.allSettled([open?.uploaded, this.#turn]);
    const { storage, database } = this.#options;
    for (const name of this.#begun) {
      await discardObject(storage, packKey(database, name));
      await discardUploads(storage, packKey(database, name));
    }
  }

  async #append(
    frame: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    block: Promise<TextDigest> | undefined,
  ): Promise<FrameReference> {
    this.#options.signal.throwIfAborted();
    const pack = (this.#open ??= this.#begin());
    const offset = pack.size;
    for await (const piece of frame) await this.#push(pack, piece);
    const length = pack.size - offset;
    if (block !== undefined) pack.blocks.push({ ...(await block), offset, length });
    if (pack.size >= this.#packSize) await this.#close();
    return { pack: pack.name, offset, length };
  }

  async #push(pack: OpenPack, piece: Uint8Array): Promise<void> {
    await this.#options.cache?.write(pack.name, pack.size, piece);
    pack.size += piece.byteLength;
    await this.#wait(pack.queue.push(piece));
  }

  async #wait(storage: Promise<unknown> | undefined): Promise<void> {
    this.#waiting += 1;
    try {
      await storage;
    } finally {
      this.#waiting -= 1;
    }
  }

  #begin(): OpenPack {
    const { storage, database, id, signal, onProgress } = this.#options;
    const name = packName(id, this.#begun.length + 1);
    this.#begun.push(name);
    const queue = new ByteQueue(0);
    const onAbort = (): void => queue.fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const uploaded = uploadStream(patientlyStarting(storage), packKey(database, name), queue, {
      ring: this.#ring,
      estimatedSize: this.#packSize,
      signal,
      onProgress,
    }).finally(() => signal.removeEventListener("abort", onAbort));
    uploaded.catch((error: unknown) => queue.fail(error));
    return { name, size: 0, blocks: [], queue, uploaded };
  }

  async #close(): Promise<void> {
    const pack = this.#open;
    if (pack === undefined) return;
    await this.#push(pack, await serializePackContents(pack.blocks));
    pack.queue.end();
    await this.#wait(pack.uploaded);
    this.#open = undefined;
    this.#complete.push([pack.name, pack.size]);
  }
}
