import { expect, test } from "vitest";
import { parseSecretReference } from "../../../src/config/secret-reference.ts";
import { isDataopsError, type DataopsError } from "../../../src/errors.ts";
import { MAX_SECRET_BYTES, valueOf } from "../../../src/secrets/secret-value.ts";

function read(text: string, content: string | undefined): string {
  const reference = parseSecretReference(text);
  if (reference === undefined) throw new Error("it is one");
  return valueOf(reference, content);
}

test.each([
  ["ssm:/a", "postgres://db/x", "postgres://db/x"],
  ["secretsmanager:a", '{"k":"v"}', '{"k":"v"}'],
  ["secretsmanager:a#k", '{"k":"v"}', "v"],
  ["secretsmanager:a#port", '{"port":5432}', "5432"],
  ["secretsmanager:a#on", '{"on":true}', "true"],
  ["secretsmanager:a", "x".repeat(MAX_SECRET_BYTES), "x".repeat(MAX_SECRET_BYTES)],
])("%s in %s", (text, content, value) => {
  expect(read(text, content)).toBe(value);
});

const MANY = JSON.stringify(
  Object.fromEntries(Array.from({ length: 25 }, (_, at) => [`key${at}`, "s3ntinel"])),
);

test.each([
  ["ssm:/a", undefined, "it is binary", "store it as text"],
  ["ssm:/a", "", "it is empty", "give it a value"],
  ["secretsmanager:a#k", '{"k":""}', "it is empty", "give it a value"],
  ["ssm:/a", "s3ntinel".repeat(10_000), "it is longer than 65536 bytes", "the right secret"],
  ["secretsmanager:a#k", "s3ntinel", "it is no JSON object", "leave out #"],
  ["secretsmanager:a#k", '{"s3ntinel', "it is no JSON object", "leave out #"],
  ["secretsmanager:a#k", '["s3ntinel"]', "it is no JSON object", "leave out #"],
  ["secretsmanager:a#k", "null", "it is no JSON object", "leave out #"],
  ["secretsmanager:a#k", '{"K":"s3ntinel","o":"s3ntinel"}', "there is no such key", 'it has "K", "o"'],
  ["secretsmanager:a#k", "{}", "there is no such key", "it has none"],
  ["secretsmanager:a#k", MANY, "there is no such key", "and 5 more"],
  ["secretsmanager:a#toString", "{}", "there is no such key", "it has none"],
  ["secretsmanager:a#__proto__", "{}", "there is no such key", "it has none"],
  ["secretsmanager:a#k", '{"k":{"s3ntinel":1}}', "the key's value is neither text", "store it as text"],
  ["secretsmanager:a#k", '{"k":null}', "the key's value is neither text", "store it as text"],
])("%s in %j cannot be used", (text, content, why, hint) => {
  const error = failureOf(() => read(text, content));
  expect(error).toMatchObject({
    exit: "usage",
    message: expect.stringContaining(`${text} cannot be used: ${why}`) as unknown,
    hint: expect.stringContaining(hint) as unknown,
  });
  expect(`${error.message} ${error.hint}`).not.toContain("s3ntinel");
});

function failureOf(work: () => unknown): DataopsError {
  try {
    work();
  } catch (error) {
    if (isDataopsError(error)) return error;
    throw error;
  }
  throw new Error("nothing failed");
}
