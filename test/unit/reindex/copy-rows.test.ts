import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CopyRows } from "../../../src/reindex/copy-rows.ts";

type Field = Buffer | null;

/** What the server sends for rows of two fields. */
function binaryCopy(rows: readonly (readonly [Field, Field])[]): Buffer {
  const header = Buffer.concat([Buffer.from("PGCOPY\n\u00FF\r\n\0", "latin1"), Buffer.alloc(8)]);
  const fields = rows.flatMap((row) => [
    int16(row.length),
    ...row.flatMap((field) => (field === null ? [int32(-1)] : [int32(field.byteLength), field])),
  ]);
  return Buffer.concat([header, ...fields, int16(-1)]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const field = fc.option(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  { freq: 8 },
);

describe("CopyRows", () => {
  test("finds the same rows wherever the network cuts, over several COPYs", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.tuple(field, field), { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1 }),
        (copies, cuts) => {
          const found: (string | null)[][] = [];
          const ends: number[] = [];
          const rows = new CopyRows(
            2,
            (bytes, fields) => {
              const texts = [0, 2].map((at) => {
                const [start = -1, end = -1] = fields.subarray(at, at + 2);
                return start === -1 ? null : bytes.toString("hex", start, end);
              });
              found.push(texts);
              return undefined;
            },
            (count) => ends.push(count),
          );
          let cut = 0;
          for (const copy of copies) {
            const bytes = binaryCopy(copy);
            for (let start = 0; start < bytes.byteLength;) {
              const end = Math.min(bytes.byteLength, start + (cuts[cut++ % cuts.length] ?? 1));
              // What was given is gone when the call returns.
              const chunk = Buffer.from(bytes);
              void rows.data(chunk, start, end);
              chunk.fill(0);
              start = end;
            }
            rows.end(copy.length);
          }
          expect(found).toEqual(copies.flat().map((row) => row.map((one) => one?.toString("hex") ?? null)));
          expect(ends).toEqual(copies.map(({ length }) => length));
        },
      ),
    );
  });

  test("takes no end within a row, and no other number of fields", () => {
    const bytes = binaryCopy([[Buffer.from("a"), null]]);
    const cut = new CopyRows(2, () => undefined);
    void cut.data(bytes, 0, bytes.byteLength - 3);
    expect(() => cut.end(1)).toThrow("within a row");
    const wide = new CopyRows(3, () => undefined);
    expect(() => wide.data(bytes, 0, bytes.byteLength)).toThrow("rows of 3 fields, got 2");
  });

  test("waits for whoever takes the rows", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const rows = new CopyRows(2, () => promise);
    const bytes = binaryCopy([[null, null]]);
    const pending = rows.data(bytes, 0, bytes.byteLength);
    let isOver = false;
    void pending?.then(() => {
      isOver = true;
    });
    await Promise.resolve();
    expect(isOver).toBe(false);
    resolve();
    await pending;
  });
});
