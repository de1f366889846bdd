import { PassThrough } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RowTap } from "../../../src/postgres/row-tap.ts";

function message(type: string, body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 0, "latin1");
  header.writeInt32BE(body.byteLength + 4, 1);
  return Buffer.concat([header, body]);
}

/** What a tap makes of bytes that come in chunks of these sizes. */
function tapped(bytes: Buffer, sizes: readonly number[]): { rows: Buffer; passed: Buffer } {
  const stream = new PassThrough();
  const rows: Buffer[] = [];
  const passed: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => passed.push(Buffer.from(chunk)));
  const tap = new RowTap(stream, (chunk, start, end) => rows.push(Buffer.from(chunk.subarray(start, end))));
  for (let start = 0, index = 0; start < bytes.byteLength; index += 1) {
    const end = start + (sizes[index % sizes.length] ?? 1);
    stream.emit("data", bytes.subarray(start, end));
    start = end;
  }
  tap.remove();
  stream.emit("data", Buffer.from("later"));
  return { rows: Buffer.concat(rows), passed: Buffer.concat(passed) };
}

test("takes rows, and passes all else on as it came, wherever chunks end", () => {
  const messages = fc.array(
    fc.record({
      type: fc.constantFrom("d", "d", "d", "H", "c", "C", "Z", "N"),
      body: fc.uint8Array({ maxLength: 40 }),
    }),
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(messages, sizes, (all, chunks) => {
      const bytes = Buffer.concat(all.map(({ type, body }) => message(type, body)));
      const others = all.filter(({ type }) => type !== "d").map(({ type, body }) => message(type, body));
      expect(tapped(bytes, chunks)).toEqual({
        rows: Buffer.concat(all.filter(({ type }) => type === "d").map(({ body }) => body)),
        passed: Buffer.concat([...others, Buffer.from("later")]),
      });
    }),
  );
});

test("gives a chunk's memory back, and passes on copies, which may be kept", () => {
  const stream = new PassThrough();
  const kept: Buffer[] = [];
  stream.on("data", (bytes: Buffer) => kept.push(bytes));
  const tap = new RowTap(stream, () => undefined);
  const notice = message("N", Buffer.from("notice"));
  const chunk = Buffer.concat([message("d", Buffer.alloc(100_000)), notice]);
  stream.emit("data", chunk);
  tap.remove();
  expect(chunk.buffer.byteLength).toBe(0);
  expect(Buffer.concat(kept)).toEqual(notice);
});
