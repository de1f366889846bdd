/**
 * Reads the answer to a bulk request of which everything went well, byte by byte.
 *
 * Nearly every answer is one, with a status for each document: as objects, they took longer than all that is done to the documents.
 */

const HEAD = Buffer.from('{"errors":false,"items":[');
/** What each item's status stands in, as engines write it with `BULK_FIELDS`. */
const ITEM_HEAD = Buffer.from('{"index":{"status":');
const ITEM_TAIL = Buffer.from("}}");
const TAIL = Buffer.from("]}");
const COMMA = 0x2c;
const DIGIT_0 = 0x30;
const DIGIT_2 = 0x32;
const DIGIT_9 = 0x39;

const STATUS_SIZE = 3;
const ITEM_SIZE = ITEM_HEAD.byteLength + STATUS_SIZE + ITEM_TAIL.byteLength;

/**
 * How many documents the answer says to be written, of each by a status from 200 to 299; undefined where it says anything else
 * of any of them, or says it in other words: then the answer has to be read as JSON.
 */
export function countSuccesses(answer: Buffer): number | undefined {
  if (!holds(answer, 0, HEAD)) return undefined;
  let position = HEAD.byteLength;
  for (let count = 1; ; count += 1) {
    if (!isSuccess(answer, position)) return undefined;
    position += ITEM_SIZE;
    if (answer[position] !== COMMA) {
      const isWhole = holds(answer, position, TAIL) && answer.byteLength === position + TAIL.byteLength;
      return isWhole ? count : undefined;
    }
    position += 1;
  }
}

function isSuccess(answer: Buffer, start: number): boolean {
  const status = start + ITEM_HEAD.byteLength;
  return (
    holds(answer, start, ITEM_HEAD) &&
    answer[status] === DIGIT_2 &&
    isDigit(answer[status + 1]) &&
    isDigit(answer[status + 2]) &&
    holds(answer, status + STATUS_SIZE, ITEM_TAIL)
  );
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
}

/** Whether the bytes at `start` are these; not by `compare`, whose call takes longer than a few bytes. */
function holds(bytes: Buffer, start: number, expected: Buffer): boolean {
  for (let index = 0; index < expected.byteLength; index++) {
    if (bytes[start + index] !== expected[index]) return false;
  }
  return true;
}
