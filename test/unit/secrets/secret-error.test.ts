import { expect, test } from "vitest";
import { parseSecretReference, type SecretReference } from "../../../src/config/secret-reference.ts";
import { resourceFor, secretError } from "../../../src/secrets/secret-error.ts";

function reference(text: string): SecretReference {
  const found = parseSecretReference(text);
  if (found === undefined) throw new Error("it is one");
  return found;
}

function awsError(name: string, message = "UnknownError", status?: number): Error {
  const error = new Error(message);
  error.name = name;
  return Object.assign(error, status === undefined ? {} : { $metadata: { httpStatusCode: status } });
}

const LACKING =
  "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:1:secret:prod/app-AbCdEf because no identity-based policy allows it";

test.each([
  [
    "secretsmanager:a",
    awsError("ResourceNotFoundException"),
    "usage",
    "there is no such secret in eu-west-1",
    "AWS_REGION",
  ],
  ["ssm:/a", awsError("ParameterNotFound"), "usage", "there is no such parameter in eu-west-1", "AWS_REGION"],
  ["ssm:/a:7", awsError("ParameterVersionNotFound"), "usage", "there is no such parameter", "AWS_REGION"],
  [
    "secretsmanager:a",
    awsError("AccessDeniedException", LACKING, 400),
    "notPermitted",
    "access denied",
    "allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-west-1:1:secret:prod/app-AbCdEf",
  ],
  [
    "ssm:/a",
    awsError("AccessDeniedException", "no", 400),
    "notPermitted",
    "access denied",
    "allow ssm:GetParameter on arn:aws:ssm:eu-west-1:*:parameter/a",
  ],
  [
    "secretsmanager:a",
    awsError("AccessDeniedException", "Access to KMS is not allowed", 400),
    "notPermitted",
    "it cannot be decrypted",
    "kms:Decrypt",
  ],
  [
    "secretsmanager:a",
    awsError("DecryptionFailure"),
    "notPermitted",
    "it cannot be decrypted",
    "kms:Decrypt",
  ],
  ["secretsmanager:a", awsError("InvalidRequestException"), "usage", "marked for deletion", "restore it"],
  ["ssm:/a", awsError("ThrottlingException", "Rate exceeded", 400), "unreachable", "slow down", "try again"],
  ["ssm:/a", awsError("CredentialsProviderError"), "notPermitted", "no AWS credentials", "AWS_PROFILE"],
  ["ssm:/a", awsError("ExpiredTokenException"), "notPermitted", "expired", "AWS_PROFILE"],
  ["ssm:/a", awsError("UnrecognizedClientException"), "notPermitted", "does not take these", "AWS_PROFILE"],
  ["ssm:/a", new Error("Region is missing"), "usage", "no region is known", "AWS_REGION"],
  [
    "ssm:/a",
    awsError("ValidationException", "s3ntinel", 400),
    "failed",
    "ValidationException (HTTP 400)",
    "AWS",
  ],
  ["ssm:/a", awsError("InternalServerError", "oh", 500), "unreachable", "oh", "network"],
  ["ssm:/a", awsError("TimeoutError"), "unreachable", "no answer in time", "endpoints"],
  [
    "ssm:/a",
    Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:443"), { code: "ECONNREFUSED" }),
    "unreachable",
    "ECONNREFUSED",
    "network",
  ],
] as const)("%s: %s", (text, thrown, exit, why, hint) => {
  const error = secretError(thrown, reference(text), "eu-west-1");
  expect(error.exit).toBe(exit);
  expect(error.message).toMatch(new RegExp(`^cannot read ${text}: `));
  expect(error.message).toContain(why);
  expect(error.hint).toContain(hint);
  expect(error.message).not.toContain("s3ntinel");
});

const ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app-AbCdEf";
const PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/app/url";

test.each([
  ["secretsmanager:prod/app#url", "arn:aws:secretsmanager:eu-west-1:1:secret:prod/app-??????"],
  [`secretsmanager:${ARN}#url`, ARN],
  ["ssm:/app/url:3", "arn:aws:ssm:eu-west-1:1:parameter/app/url"],
  ["ssm:url", "arn:aws:ssm:eu-west-1:1:parameter/url"],
  [`ssm:${PARAMETER}`, PARAMETER],
  [`ssm:${PARAMETER}:3`, PARAMETER],
])("a policy names %s by %s", (text, expected) => {
  expect(resourceFor(reference(text), { region: "eu-west-1", account: "1" })).toBe(expected);
});
