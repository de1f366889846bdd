import fc from "fast-check";
import { expect, test } from "vitest";
import { IdTable } from "../../../src/reindex/id-table.ts";

test("numbers ids in their order, and finds each by its bytes, however many there are", () => {
  const table = new IdTable();
  const ids = Array.from({ length: 5_000 }, (_, number) => `id ${number * 7919}`);
  const add = (id: string): number => table.add(Buffer.from(id), 0, id.length);
  const find = (id: string): number | undefined => table.find(Buffer.from(id), 0, id.length);
  expect(ids.map(add)).toEqual(ids.map((_, number) => number));
  expect(ids.map(add)).toEqual(ids.map((_, number) => number));
  expect(table.length).toBe(ids.length);
  expect(ids.toReversed().map(find)).toEqual(ids.map((_, number) => ids.length - 1 - number));
  expect(ids.map((_, number) => table.text(number))).toEqual(ids);
  expect(find("id 1")).toBeUndefined();
  expect(table.bytes(4_999).toString()).toBe(ids[4_999]);
});

test("agrees with a map, whichever id was found before", () => {
  const id = fc.string({ unit: "binary", maxLength: 3 }).map((text) => Buffer.from(text));
  fc.assert(
    fc.property(fc.array(fc.tuple(id, fc.integer({ min: -1, max: 12 }))), (steps) => {
      const table = new IdTable();
      const numbers = new Map<string, number>();
      for (const [bytes, previous] of steps) {
        const key = bytes.toString("hex");
        const padded = Buffer.concat([Buffer.from("<"), bytes, Buffer.from(">")]);
        const end = padded.byteLength - 1;
        expect(table.find(padded, 1, end, previous)).toBe(numbers.get(key));
        if (!numbers.has(key)) numbers.set(key, numbers.size);
        expect(table.add(padded, 1, end, previous)).toBe(numbers.get(key));
      }
      expect(table.length).toBe(numbers.size);
    }),
  );
});

test("tells ids of one hash apart", () => {
  // FNV-1a, 32 bits.
  const alike = ["costarring", "liquid"];
  const table = new IdTable();
  const numbers = alike.map((id) => table.add(Buffer.from(id), 0, id.length));
  expect(numbers).toEqual([0, 1]);
});
