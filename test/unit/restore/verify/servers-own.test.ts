import { expect, test } from "vitest";
import { isServersOwn } from "../../../../src/restore/verify/servers-own.ts";

test.for([
  [true, 'could not extend file "base/16384/16400": No space left on device'],
  [true, 'pg_restore could not restore the rows of table "notes": out of memory'],
  [true, "out of shared memory"],
  [true, "FATAL: sorry, too many clients already"],
  [true, "terminating connection due to administrator command"],
  [true, "server closed the connection unexpectedly"],
  [true, "canceling statement due to user request"],
  [false, "function inner_one() does not exist"],
  [false, 'new row for relation "things" violates check constraint "things_check"'],
  [false, 'type "public.citext" does not exist'],
] as const)("%s: %s", ([expected, message]) => {
  expect(isServersOwn(message)).toBe(expected);
});
