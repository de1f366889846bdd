import { expect, test } from "vitest";
import { parseSecretReference, type SecretReference } from "../../../src/config/secret-reference.ts";
import { secretSource } from "../../../src/secrets/secret-source.ts";

const MINUTE = 60_000;
const signal = new AbortController().signal;

function reference(text: string): SecretReference {
  const found = parseSecretReference(text);
  if (found === undefined) throw new Error("it is one");
  return found;
}

function counting(answer: () => Promise<string | undefined>) {
  const asked: string[] = [];
  const clock = { now: 0 };
  const secrets = secretSource({
    environment: { AWS_REGION: "eu-west-1" },
    now: () => clock.now,
    ask: ({ name }) => {
      asked.push(name);
      return answer();
    },
    deadline: 50,
  });
  const read = (text: string, by = signal): Promise<string> => secrets.read(reference(text), by);
  return { asked, clock, secrets, read };
}

test("a secret is asked for once, whichever of its keys are needed, at the same time or later", async () => {
  const { asked, read, clock } = counting(() => Promise.resolve('{"user":"u","password":"p"}'));
  expect(await Promise.all([read("secretsmanager:a#user"), read("secretsmanager:a#password")])).toEqual([
    "u",
    "p",
  ]);
  clock.now = 5 * MINUTE - 1;
  await read("secretsmanager:a#user");
  expect(asked).toEqual(["a"]);
  clock.now = 5 * MINUTE;
  await read("secretsmanager:a#user");
  expect(asked).toEqual(["a", "a"]);
});

test("one of the same name in the other service is another", async () => {
  const { asked, read } = counting(() => Promise.resolve("x"));
  await read("secretsmanager:a");
  await read("ssm:a");
  expect(asked).toEqual(["a", "a"]);
});

test("refresh has it asked for anew", async () => {
  let value = "old";
  const { read, secrets } = counting(() => Promise.resolve(value));
  expect(await read("ssm:a")).toBe("old");
  value = "new";
  expect(await read("ssm:a")).toBe("old");
  secrets.refresh();
  expect(await read("ssm:a")).toBe("new");
});

test("a failure is told, and not remembered", async () => {
  let isDown = true;
  const { read } = counting(() => (isDown ? Promise.reject(new Error("down")) : Promise.resolve("x")));
  await expect(read("ssm:a")).rejects.toMatchObject({ exit: "unreachable" });
  isDown = false;
  expect(await read("ssm:a")).toBe("x");
});

test("a wait has an end, though nobody heeds the signal", async () => {
  const { read } = counting(() => new Promise(() => undefined));
  await expect(read("ssm:a")).rejects.toMatchObject({
    exit: "unreachable",
    message: "cannot read ssm:a: no answer in time",
  });
});

test("an abort ends the wait of who aborts, and of nobody else", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { read, asked } = counting(() => promise);
  const controller = new AbortController();
  const aborted = read("ssm:a", controller.signal);
  const other = read("ssm:a");
  const reason = new Error("stop now");
  controller.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  resolve("x");
  expect(await other).toBe("x");
  await expect(read("ssm:a", controller.signal)).rejects.toBe(reason);
  expect(asked).toEqual(["a"]);
});
