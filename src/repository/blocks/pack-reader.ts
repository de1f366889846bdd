import { isStorageError } from "../../storage/storage-error.ts";
import type { ByteRange, Storage } from "../../storage/storage.ts";
import { packKey } from "../keys.ts";
import { endOf, type FrameReference } from "./stored-block.ts";
import { free, leaveToGarbage } from "../../garbage.ts";
import { corruptFrame, decodeFrame, type ExpectedText } from "./decode-frame.ts";
import { joinFrames, type Span } from "./join-frames.ts";
import type { PackCache } from "./pack-cache.ts";

export interface PackReaderOptions {
  storage: Storage;
  /** The database's name in the configuration, whose packs these are. */
  database: string;
  cache: PackCache;
  /** Told the bytes as they come from the storage; of what the cache gives it hears nothing. */
  onReceived?: ((bytes: number) => void) | undefined;
}

/** Bytes of cached frames that are fetched again rather than that a request is made more. */
const MAX_GAP = 64 * 1024;
/** Bytes that go through memory at a time where a frame is too large to be held. */
const CHUNK_SIZE = 1024 * 1024;

/**
 * Reads parts of packs: from the cache what seems to be there, and else from the storage, keeping it in the cache. What the
 * bytes hold is checked by nobody but `decode`.
 *
 * Everything here throws DataopsError `corrupt` naming the pack where it is missing or ends too early; what the storage
 * throws; after an abort: the signal's reason.
 */
export class PackReader {
  readonly #options: PackReaderOptions;

  constructor(options: PackReaderOptions) {
    this.#options = options;
  }

  /** The bytes of a span, in memory of their own. Frames that are not in the cache are fetched; what stands between them may be anything. */
  async read(span: Span, signal: AbortSignal): Promise<Buffer> {
    const content = await this.#options.cache.read(span.pack, span.start, span.end);
    signal.throwIfAborted();
    if (content === undefined) return await this.#fetch(span, signal);
    const missing = span.frames.filter(({ offset }) => !isFrame(content, offset - span.start));
    const limits = { maxGap: MAX_GAP, maxWaste: span.end - span.start };
    await Promise.all(
      joinFrames(missing, limits).map(async (part) => {
        content.set(await this.#fetch(part, signal), part.start - span.start);
      }),
    );
    return content;
  }

  /** The text of one frame; undefined where it is not the one expected, in the storage either. */
  async text(
    frame: FrameReference,
    expected: ExpectedText,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const stored = await this.read(spanOf(frame), signal);
    const text = await this.decode(stored, frame, expected, signal);
    free(stored);
    return text;
  }

  /**
   * The text of one frame, of which `stored` was read. Where that is not as expected, the frame is fetched from the storage
   * once more: the cache may be damaged, and a bit may flip on the way.
   *
   * @returns undefined where it is not what was expected then, either
   */
  async decode(
    stored: Uint8Array,
    frame: FrameReference,
    expected: ExpectedText,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const text = await decodeFrame(stored, expected);
    if (text !== undefined) return text;
    return await decodeFrame(await this.#fetch(spanOf(frame), signal), expected);
  }

  /** A frame in chunks, from the storage, keeping it in the cache. */
  async *stream(frame: FrameReference, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { pack, offset } = frame;
    let position = offset;
    for await (const chunk of inChunks(await this.#open(pack, rangeOf(frame), signal))) {
      await this.#options.cache.write(pack, position, chunk);
      position += chunk.byteLength;
      yield chunk;
    }
    if (position < endOf(frame)) throw tooShort(frame, position);
  }

  /** A frame in chunks, from the cache alone. Ends early where it is not there. */
  async *streamCached(frame: FrameReference): AsyncGenerator<Uint8Array, void, void> {
    const end = endOf(frame);
    for (let position = frame.offset; position < end; position += CHUNK_SIZE) {
      const chunkEnd = Math.min(end, position + CHUNK_SIZE);
      const chunk = await this.#options.cache.read(frame.pack, position, chunkEnd);
      if (chunk === undefined || (position === frame.offset && !isFrame(chunk, 0))) return;
      yield chunk;
    }
  }

  async #fetch(span: ByteRange & { pack: string }, signal: AbortSignal): Promise<Buffer> {
    const { pack, start, end } = span;
    // In one piece from the start: what many small ones take besides is not given back soon.
    const content = Buffer.allocUnsafeSlow(end - start);
    let received = 0;
    for await (const chunk of await this.#open(pack, { start, end }, signal)) {
      content.set(chunk.subarray(0, content.byteLength - received), received);
      received += chunk.byteLength;
    }
    if (received !== content.byteLength) {
      throw tooShort({ pack, offset: start, length: end - start }, start + received);
    }
    // What came was copied.
    leaveToGarbage(received);
    await this.#options.cache.write(pack, start, content);
    return content;
  }

  async #open(pack: string, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { storage, database, onReceived } = this.#options;
    try {
      return counted(await storage.get(packKey(database, pack), { range, signal }), onReceived);
    } catch (error) {
      if (!isStorageError(error, "not-found")) throw error;
      throw corruptFrame(pack, range.start, "it is missing", error);
    }
  }
}

/** What begins every frame of Zstandard. A hole in the cache does not. */
const FRAME_MAGIC = 0xfd2fb528;

function isFrame(content: Buffer, start: number): boolean {
  return content.byteLength >= start + 4 && content.readUInt32LE(start) === FRAME_MAGIC;
}

function rangeOf(frame: FrameReference): ByteRange {
  return { start: frame.offset, end: endOf(frame) };
}

function spanOf(frame: FrameReference): Span {
  return { pack: frame.pack, ...rangeOf(frame), frames: [frame] };
}

function tooShort({ pack, offset, length }: FrameReference, end: number): Error {
  return corruptFrame(pack, offset, `it has ${end - offset} of ${length} bytes there`);
}

async function* counted(
  content: AsyncIterable<Uint8Array>,
  onReceived: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of content) {
    onReceived?.(chunk.byteLength);
    yield chunk;
  }
}

/** Puts small chunks together, so that the cache is not written in small pieces. */
async function* inChunks(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    waiting.push(chunk);
    size += chunk.byteLength;
    if (size < CHUNK_SIZE) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting);
}
