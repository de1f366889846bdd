import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { BytesInFlight } from "../../src/bytes-in-flight.ts";

const { signal } = new AbortController();

/** Takes for each name in turn, and says who has got it so far. */
function takers(inFlight: BytesInFlight) {
  const got = new Map<string, () => void>();
  return {
    got,
    take: (name: string, bytes: number, until: AbortSignal = signal) =>
      inFlight.take(bytes, until).then((release) => void got.set(name, release)),
    now: async (): Promise<string[]> => {
      await setImmediate();
      return [...got.keys()];
    },
  };
}

test("gives what fits, and the rest in turn", async () => {
  const { got, take, now } = takers(new BytesInFlight(10));
  void take("a", 6);
  void take("b", 4);
  void take("c", 8);
  void take("d", 1);
  expect(await now(), "nobody overtakes").toEqual(["a", "b"]);
  got.get("a")?.();
  expect(await now()).toEqual(["a", "b"]);
  got.get("b")?.();
  got.get("b")?.();
  expect(await now()).toEqual(["a", "b", "c", "d"]);
});

test("gives more than fits when nobody else holds any", async () => {
  const { got, take, now } = takers(new BytesInFlight(10));
  void take("a", 1);
  void take("huge", 100);
  void take("b", 1);
  expect(await now()).toEqual(["a"]);
  got.get("a")?.();
  expect(await now()).toEqual(["a", "huge"]);
  got.get("huge")?.();
  expect(await now()).toEqual(["a", "huge", "b"]);
});

test("who gives up leaves the turn to the next, and the reason is thrown", async () => {
  const { take, now } = takers(new BytesInFlight(10));
  const abort = new AbortController();
  void take("a", 6);
  const leaving = take("b", 6, abort.signal);
  void take("c", 4);
  expect(await now()).toEqual(["a"]);
  const reason = new Error("told to end");
  abort.abort(reason);
  await expect(leaving).rejects.toBe(reason);
  expect(await now()).toEqual(["a", "c"]);
  await expect(take("d", 0, abort.signal)).rejects.toBe(reason);
});
