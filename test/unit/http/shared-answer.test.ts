import { expect, test } from "vitest";
import { sharedAnswer } from "../../../src/http/shared-answer.ts";

/** Counts how often it is asked, under a clock that is set by hand. */
function counted(keep: number) {
  const clock = { now: 1_000_000 };
  let count = 0;
  const ask = sharedAnswer(
    async () => {
      count += 1;
      if (count === 3) throw new Error("the third one");
      return count;
    },
    keep,
    () => clock.now,
  );
  return { ask, clock };
}

test("who asks at the same time shares one answer, and who asks later too, for as long as it is kept", async () => {
  const { ask, clock } = counted(1_000);
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  clock.now += 999;
  expect(await ask()).toBe(1);
  clock.now += 1;
  expect(await ask()).toBe(2);
});

test("a failure is told to all who wait, and not kept", async () => {
  const { ask, clock } = counted(1_000);
  await ask();
  clock.now += 1_000;
  await ask();
  clock.now += 1_000;
  const told = await Promise.allSettled([ask(), ask()]);
  expect(told.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await ask()).toBe(4);
});

test("a clock that is set back makes no answer last", async () => {
  const { ask, clock } = counted(1_000);
  await ask();
  clock.now -= 3_600_000;
  expect(await ask()).toBe(2);
});
