import fc from "fast-check";
import { expect, test } from "vitest";
import { readBulkAnswer } from "../../../src/search/bulk-answer.ts";
import { countSuccesses } from "../../../src/search/bulk-success.ts";

function answerOf(items: readonly object[], errors = false): Buffer {
  return Buffer.from(JSON.stringify({ errors, items }));
}

function written(status: number): object {
  return { index: { status } };
}

function bodyOf(count: number): Buffer {
  return Buffer.from('{"index":{"_id":"7"}}\n{}\n'.repeat(count));
}

test.each([
  ["one document", answerOf([written(201)]), 1],
  ["several", answerOf([written(201), written(200), written(299)]), 3],
  ["a status that is none of success", answerOf([written(201), written(404)]), undefined],
  ["a status of 4 digits", answerOf([written(2010)]), undefined],
  ["an error that the head does not tell of", answerOf([{ index: { status: 201, error: {} } }]), undefined],
  ["errors", answerOf([written(201)], true), undefined],
  ["a delete", answerOf([{ delete: { status: 200 } }]), undefined],
  ["none at all", answerOf([]), undefined],
  ["no items", Buffer.from('{"errors":false}'), undefined],
  ["an answer that was cut", answerOf([written(201), written(201)]).subarray(0, -2), undefined],
  ["something behind it", Buffer.concat([answerOf([written(201)]), Buffer.from(" ")]), undefined],
  ["nothing", Buffer.alloc(0), undefined],
])("counts successes: %s", (_, answer, expected) => {
  expect(countSuccesses(answer)).toBe(expected);
});

test("what is counted without being parsed is what parsing finds, whatever byte is another", () => {
  const bytes = fc.constantFrom(
    "0",
    "1",
    "2",
    "3",
    "9",
    "-",
    ".",
    "e",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    '"',
    " ",
    "s",
  );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(200, 201), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      bytes,
      (statuses, place, byte) => {
        const answer = answerOf(statuses.map(written));
        answer.write(byte, place % answer.byteLength, "latin1");
        const counted = countSuccesses(answer);
        if (counted === undefined) return;
        const parsed: unknown = JSON.parse(answer.toString());
        const status: unknown = expect.toSatisfy((value) => value >= 200 && value < 300);
        expect(parsed).toEqual({
          errors: false,
          items: Array.from({ length: counted }, () => ({ index: { status } })),
        });
      },
    ),
  );
});

test.each([
  ["known", 3],
  ["counted", undefined],
])("an answer with fewer items than were sent is none: their number is %s", (_, items) => {
  const read = (answered: number, errors: boolean) => (): unknown =>
    readBulkAnswer(
      "writing",
      { body: bodyOf(3), items },
      answerOf(Array(answered).fill(written(201)), errors),
    );
  expect(read(3, false)()).toEqual({ accepted: 3, conflicts: 0, overloaded: [], refused: [] });
  expect(read(3, true)()).toEqual(read(3, false)());
  for (const errors of [false, true]) {
    expect(read(2, errors)).toThrow("writing: 2 of 3 items were answered");
    expect(read(4, errors)).toThrow("writing: 4 of 3 items were answered");
  }
});

test("each item's fate is told by its place", () => {
  const items = [
    written(201),
    { index: { status: 409, error: { type: "version_conflict_engine_exception", reason: "…" } } },
    { index: { status: 429, error: { type: "rejected_execution_exception", reason: "…" } } },
    { index: { status: 400, error: { type: "mapper_parsing_exception", reason: "failed to parse" } } },
  ];
  const answer = readBulkAnswer("writing", { body: bodyOf(4), items: 4 }, answerOf(items, true));
  expect(answer).toMatchObject({
    accepted: 1,
    conflicts: 1,
    overloaded: [2],
    refused: [{ place: 3, id: "7" }],
  });
});
