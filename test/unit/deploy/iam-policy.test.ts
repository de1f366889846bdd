import { describe, expect, test } from "vitest";
import { storagePolicy, STORAGE_ROLES, type Policy } from "../../../src/deploy/iam-policy.ts";

const request = { storageUrl: "s3://acme-backups/dataops", kmsKeyId: undefined };

function actions({ Statement }: Policy): string[] {
  return Statement.flatMap(({ Action }) => Action).sort();
}

describe("the least that a role needs", () => {
  test.each([
    ["reader", ["s3:GetObject", "s3:ListBucket"]],
    [
      "writer",
      [
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
      ],
    ],
    [
      "pruner",
      [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
      ],
    ],
  ] as const)("%s", (role, expected) => {
    expect(actions(storagePolicy(role, request))).toEqual(expected);
  });

  test.each(STORAGE_ROLES)(
    "%s reaches objects below the prefix alone, and names no wildcard bucket",
    (role) => {
      for (const { Resource, Action } of storagePolicy(role, request).Statement) {
        const isOfObjects = Action.some((action) => /Object|Parts|Abort/.test(action));
        expect(Resource).toBe(
          isOfObjects ? "arn:aws:s3:::acme-backups/dataops/*" : "arn:aws:s3:::acme-backups",
        );
      }
    },
  );
});

test("lists below the prefix alone; the whole bucket where it has none", () => {
  expect(storagePolicy("reader", request).Statement[0]?.Condition).toEqual({
    StringLike: { "s3:prefix": ["dataops", "dataops/*"] },
  });
  expect(storagePolicy("reader", { ...request, storageUrl: "s3://acme" }).Statement).toEqual([
    expect.not.objectContaining({ Condition: expect.anything() }),
    expect.objectContaining({ Resource: "arn:aws:s3:::acme/*" }),
  ]);
});

test.each([
  ["reader", "arn:aws:kms:eu-west-1:1:key/k", ["kms:Decrypt"], "arn:aws:kms:eu-west-1:1:key/k"],
  ["writer", "k-1", ["kms:Decrypt", "kms:GenerateDataKey"], "arn:aws:kms:*:*:key/k-1"],
] as const)("a KMS key: %s, %s", (role, kmsKeyId, expected, resource) => {
  const statement = storagePolicy(role, { ...request, kmsKeyId }).Statement.at(-1);
  expect(statement).toEqual({ Sid: "Key", Effect: "Allow", Action: expected, Resource: resource });
});

test("a folder needs no policy", () => {
  expect(() => storagePolicy("reader", { ...request, storageUrl: "file:///backups" })).toThrow(
    /file:\/\/\/backups is no bucket/,
  );
});
