import { expect, test } from "vitest";
import { parseSecretReference, placeInReference } from "../../../src/config/secret-reference.ts";

const SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app-AbCdEf";
const PARAMETER_ARN = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/app/url";

test.each([
  ["secretsmanager:prod/app", "secretsmanager", "prod/app", undefined],
  ["secretsmanager:prod/app#password", "secretsmanager", "prod/app", "password"],
  ["secretsmanager:rds!db-1234-5678#password", "secretsmanager", "rds!db-1234-5678", "password"],
  ["secretsmanager:prod/app#a key # of any kind", "secretsmanager", "prod/app", "a key # of any kind"],
  [`secretsmanager:${SECRET_ARN}#url`, "secretsmanager", SECRET_ARN, "url"],
  ["ssm:/app/url", "ssm", "/app/url", undefined],
  ["ssm:/app/url:3", "ssm", "/app/url:3", undefined],
  [`ssm:${PARAMETER_ARN}`, "ssm", PARAMETER_ARN, undefined],
])("%s is a reference", (text, service, name, key) => {
  expect(parseSecretReference(text)).toEqual({ service, name, key, text });
});

test.each([
  "postgres://app@db/shop",
  "host=ssm:x",
  "s3cret",
  "SSM:/app/url",
  "",
  " ssm:/app/url",
  "ssm",
  "${X}",
])("%j is its own value", (text) => {
  expect(parseSecretReference(text)).toBeUndefined();
});

test.each([
  "secretsmanager:",
  "secretsmanager:#key",
  "secretsmanager:prod/app#",
  "secretsmanager:prod app",
  "secretsmanager:prod/app\n",
  "secretsmanager:prod/app#a\nb",
  // As Amazon ECS writes a key.
  `secretsmanager:${SECRET_ARN}:password::`,
  `secretsmanager:${PARAMETER_ARN}`,
  `secretsmanager:${"x".repeat(600)}`,
  "ssm:",
  "ssm:/app/url#key",
  "ssm://host/path?token=s3ntinel",
])("%j is a mistake, and is not repeated", (text) => {
  expect(() => parseSecretReference(text)).toThrow(
    /^a reference to a secret is written secretsmanager:NAME,/,
  );
  expect(() => parseSecretReference(text)).not.toThrow("s3ntinel");
});

test("an ARN says its region and account, a name does not", () => {
  expect(placeInReference({ name: SECRET_ARN })).toEqual({ region: "eu-west-1", account: "123456789012" });
  expect(placeInReference({ name: "prod/app" })).toBeUndefined();
});
