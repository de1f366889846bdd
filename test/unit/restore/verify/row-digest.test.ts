import fc from "fast-check";
import { expect, test } from "vitest";
import { RowDigest } from "../../../../src/restore/verify/row-digest.ts";

function digestOf(rows: readonly string[], cuts: readonly number[] = []): RowDigest {
  const text = Buffer.from(rows.map((row) => `${row}\n`).join(""));
  const digest = new RowDigest();
  let start = 0;
  for (const cut of [...cuts.map((place) => place % (text.byteLength + 1)), text.byteLength].sort(
    (a, b) => a - b,
  )) {
    // With something around it that is not to be read.
    digest.add(Buffer.concat([Buffer.from("a\nb"), text, Buffer.from("c\nd")]), start + 3, cut + 3);
    start = cut;
  }
  return digest;
}

const row = fc.stringMatching(/^[a-c\t]{0,6}$/);

test("order and the places where the text is cut change nothing", () => {
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.nat(),
      (rows, cuts, seed) => {
        const shuffled = rows.toSorted(
          (one, other) => order(one, seed) - order(other, seed) || (one < other ? -1 : 1),
        );
        expect(digestOf(shuffled, cuts).equals(digestOf(rows))).toBe(true);
        expect(digestOf(rows, cuts).rows).toBe(rows.length);
      },
    ),
  );
});

test("other rows have another digest", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), fc.array(row, { maxLength: 12 }), (one, other) => {
      const isSame = JSON.stringify(one.toSorted()) === JSON.stringify(other.toSorted());
      expect(digestOf(one).equals(digestOf(other))).toBe(isSame);
    }),
  );
});

test.for([
  ["a row twice in place of another", ["a", "a", "b"], ["a", "b", "b"]],
  ["bytes that moved from one row to the next", ["ab", "c"], ["a", "bc"]],
  ["columns that are the other way round", ["a\tb"], ["b\ta"]],
  ["an empty row more", ["a"], ["a", ""]],
] as const)("%s is seen", ([, one, other]) => {
  expect(digestOf(one).equals(digestOf(other))).toBe(false);
});

test("a row without an end is no row", () => {
  const cut = new RowDigest();
  cut.add(Buffer.from("a\nb"));
  expect(cut.rows).toBe(1);
  expect(cut.equals(digestOf(["a"]))).toBe(false);
  expect(digestOf(["a"]).equals(cut)).toBe(false);
});

/** Some order that the seed decides. */
function order(text: string, seed: number): number {
  let value = seed;
  for (const character of text) value = (value * 31 + (character.codePointAt(0) ?? 0)) % 1009;
  return value;
}
