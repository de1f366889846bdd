import { expect, test } from "vitest";
import {
  formatPosition,
  itemOf,
  pageOf,
  parsePosition,
  tuplePosition,
} from "../../../../src/repository/blocks/tuple-position.ts";

test.for([
  ["0,0", 0, 0],
  ["64,0", 64, 0],
  ["64,291", 64, 291],
  ["4294967295,65535", 4294967295, 65535],
] as const)("%s", ([text, page, item]) => {
  const position = tuplePosition(page, item);
  expect(formatPosition(position)).toBe(text);
  expect(parsePosition(text)).toBe(position);
  expect([pageOf(position), itemOf(position)]).toEqual([page, item]);
});

test("is in the order of ctid", () => {
  expect(tuplePosition(1, 65535)).toBeLessThan(tuplePosition(2));
});

test.for([
  "",
  "1",
  "1,",
  ",1",
  "1,2,3",
  "01,0",
  "-1,0",
  "1,-1",
  "1.5,0",
  "a,0",
  "4294967296,0",
  "0,65536",
  " 1,0",
])("'%s' is none", (text) => {
  expect(parsePosition(text)).toBeUndefined();
});
