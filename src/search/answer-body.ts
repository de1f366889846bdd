import type { Readable } from "node:stream";

/**
 * Reads an answer whole.
 *
 * @param options.maxBytes more than that is an error, however long the answer would have become
 * @param options.idleTimeout milliseconds without a byte after which it is an error
 * @throws Error for an answer that breaks off, stalls or is too long; the signal's reason
 */
export async function readAnswer(
  stream: Readable,
  options: { maxBytes: number; idleTimeout: number; signal: AbortSignal },
): Promise<Buffer> {
  const { maxBytes, idleTimeout, signal } = options;
  const stop = (reason: Error): void => void stream.destroy(reason);
  const onAbort = (): void => stop(new Error("aborted"));
  const timer = setTimeout(() => stop(new Error(`no byte came for ${idleTimeout / 1000} s`)), idleTimeout);
  signal.addEventListener("abort", onAbort, { once: true });
  const chunks: Buffer[] = [];
  let received = 0;
  try {
    signal.throwIfAborted();
    for await (const chunk of stream) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError("the answer is not bytes");
      received += chunk.byteLength;
      if (received > maxBytes) throw new AnswerTooLong(maxBytes);
      chunks.push(chunk);
      timer.refresh();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    stream.destroy();
  }
  return Buffer.concat(chunks, received);
}

/** An answer that nobody would have asked for. */
export class AnswerTooLong extends Error {
  override readonly name = "AnswerTooLong";

  constructor(maxBytes: number) {
    super(`the answer is longer than ${maxBytes} bytes`);
  }
}
