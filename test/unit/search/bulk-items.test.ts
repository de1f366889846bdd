import fc from "fast-check";
import { expect, test } from "vitest";
import { countItems, cutBody, idOf, itemsOf, pickItems } from "../../../src/search/bulk-items.ts";

interface Item {
  kind: "index" | "delete";
  id: string;
  source: string;
}

const item = fc.record({
  kind: fc.constantFrom("index" as const, "delete" as const),
  id: fc.string({ minLength: 1, unit: "binary" }),
  source: fc.string(),
});

function textOf({ kind, id, source }: Item): string {
  const action = `${JSON.stringify({ [kind]: { _id: id } })}\n`;
  return kind === "delete" ? action : `${action}${JSON.stringify({ source })}\n`;
}

function bodyOf(items: readonly Item[]): Buffer {
  return Buffer.from(items.map(textOf).join(""));
}

test("items are found, counted, named and picked", () => {
  fc.assert(
    fc.property(fc.array(item), fc.infiniteStream(fc.boolean()), (items, choices) => {
      const body = bodyOf(items);
      const found = itemsOf(body);
      expect(found.map((one) => idOf(body, one))).toEqual(items.map(({ id }) => id));
      expect(found.map(({ start, end }) => body.toString("utf8", start, end))).toEqual(items.map(textOf));
      expect(countItems(body)).toBe(items.length);
      const places = items.flatMap((_, place) => (choices.next().value ? [place] : []));
      const picked = items.filter((_, place) => places.includes(place));
      expect(pickItems(body, places).equals(bodyOf(picked))).toBe(true);
    }),
  );
});

test("pieces keep all items whole, in order, and as large as they may be", () => {
  fc.assert(
    fc.property(fc.array(item, { minLength: 1 }), fc.integer({ min: 1, max: 500 }), (items, most) => {
      const body = bodyOf(items);
      const pieces = cutBody(body, most);
      expect(Buffer.concat(pieces).equals(body)).toBe(true);
      expect(pieces.flatMap((piece) => itemsOf(piece)).length).toBe(items.length);
      const tooLarge = pieces.filter((piece) => piece.byteLength > most);
      expect(tooLarge.map((piece) => countItems(piece))).toEqual(tooLarge.map(() => 1));
      const withNext = pieces.slice(1).map((next, place) => {
        const [first] = itemsOf(next);
        return (pieces[place]?.byteLength ?? 0) + (first?.end ?? 0);
      });
      expect(withNext.filter((bytes) => bytes <= most)).toEqual([]);
    }),
  );
});

test.for([
  ['{"delete":{"_id":"1"}}\n{"delete":{"_id":"2"}}\n', ["1", "2"]],
  ['{ "delete" : {"_id":7} }\n{"index":{}}\n{"a":1}', ["7", ""]],
  ['{"index":{"_id":"a"}}\n{"delete":{"_id":"no action"}}\n', ["a"]],
  ['{"create":{"_id":"a","version":3}}\n{}\n{"update":{"_id":"b"}}\n{"doc":{}}\n', ["a", "b"]],
] as const)("%s", ([text, ids]) => {
  const body = Buffer.from(text);
  expect(itemsOf(body).map((one) => idOf(body, one))).toEqual(ids);
});
