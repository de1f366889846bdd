import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createZstdDecompress } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { programsOrSkip } from "../../support/programs-or-skip.ts";
import { compress } from "../../../src/backup/compress.ts";

/** In the frame's header, the fifth byte: a checksum of the content stands at the end. */
const CHECKSUM_FLAG = 0b100;

async function compressAll(chunks: Iterable<Uint8Array>): Promise<Buffer> {
  return buffer(Readable.from(compress(streamOf(chunks), 1)));
}

async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("compress", () => {
  test("gives back every stream, however it comes in chunks and goes out in chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 100 }),
        async (chunks, cut) => {
          const compressed = await compressAll(chunks);
          const received: Buffer[] = [];
          for (let at = 0; at < compressed.byteLength; at += cut)
            received.push(compressed.subarray(at, at + cut));
          const plain = await buffer(Readable.from(received).pipe(createZstdDecompress()));
          expect(plain.equals(Buffer.concat(chunks))).toBe(true);
        },
      ),
    );
  });

  test("is read by the stock zstd program, and carries a checksum", async (context) => {
    await programsOrSkip(context, "zstd", ["zstd"], ["zstd"]);
    const content = randomBytes(10_000_000);
    const compressed = await compressAll([content]);
    const plain = execFileSync("zstd", ["--decompress", "--stdout"], {
      input: compressed,
      maxBuffer: 1 << 24,
    });
    expect(plain.equals(content)).toBe(true);
    expect((compressed[4] ?? 0) & CHECKSUM_FLAG).toBe(CHECKSUM_FLAG);
  });

  test("fails as its source does, and never ends", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield randomBytes(1_000_000);
      throw new Error("pg_dump died");
    }
    const received: Uint8Array[] = [];
    const consume = async (): Promise<void> => {
      for await (const chunk of compress(broken(), 1)) received.push(chunk);
    };
    await expect(consume()).rejects.toThrow("pg_dump died");
  });

  test("ends its source when its reader stops", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield randomBytes(100_000);
      } finally {
        ended = true;
      }
    }
    for await (const chunk of compress(endless(), 1)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(ended).toBe(true);
  });

  test("reads ahead of a reader that waits only by its buffers", async () => {
    let read = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for (;;) {
        const chunk = randomBytes(65_536);
        read += chunk.byteLength;
        yield chunk;
      }
    }
    const compressed = compress(counted(), 1);
    let received = 0;
    for (let count = 0; count < 100; count++) {
      const { value } = await compressed.next();
      received += value?.byteLength ?? 0;
      expect(read - received).toBeLessThan(4 * 1024 * 1024);
    }
    await compressed.return();
  });
});
