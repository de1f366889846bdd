import { expect, test } from "vitest";
import { RecentTexts } from "../../../../src/restore/blocks/recent-texts.ts";

const KIB = 1024;

/** In memory of its own, as what was decompressed is. */
function textOf(kibibytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(kibibytes * KIB));
}

function hasMemory({ buffer }: Uint8Array): boolean {
  return buffer.byteLength > 0;
}

test("what was not used for longest is forgotten, and its memory given back", () => {
  const texts = new RecentTexts(100 * KIB);
  const given = { a: textOf(40), b: textOf(40), c: textOf(40), large: textOf(101) };
  texts.add("a", given.a).release();
  texts.add("b", given.b).release();
  texts.borrow("a")?.release();
  texts.add("c", given.c).release();
  texts.add("large", given.large).release();
  const kept = Object.keys(given).filter((name) => texts.borrow(name) !== undefined);
  expect(kept).toEqual(["a", "c"]);
  expect(Object.entries(given).filter(([, text]) => hasMemory(text))).toHaveLength(2);
  expect(hasMemory(given.b) || hasMemory(given.large)).toBe(false);
});

test("what somebody looks at stays, until the last one is done", () => {
  const texts = new RecentTexts(50 * KIB);
  const text = textOf(40);
  const first = texts.add("a", text);
  const second = texts.borrow("a");
  texts.add("b", textOf(40)).release();
  expect(texts.borrow("a")).toBeUndefined();
  first.release();
  expect(hasMemory(text)).toBe(true);
  second?.release();
  expect(hasMemory(text)).toBe(false);
});

test("one that came twice is kept once", () => {
  const texts = new RecentTexts(50 * KIB);
  const [first, second] = [textOf(40), textOf(40)];
  texts.add("a", first).release();
  texts.add("a", second).release();
  expect(texts.borrow("a")?.bytes).toBe(first);
  expect(hasMemory(second)).toBe(false);
});

test("counts the memory that a text stands in", () => {
  const texts = new RecentTexts(50 * KIB);
  texts.add("a", textOf(40).subarray(0, 20 * KIB)).release();
  texts.add("b", textOf(40).subarray(0, 20 * KIB)).release();
  expect(texts.borrow("a")).toBeUndefined();
});
