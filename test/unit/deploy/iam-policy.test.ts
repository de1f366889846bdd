import { readFile } from "node:fs/promises";
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
        const isOfObjects = Action.some((action) => /Object|Abort/.test(action));
        expect(Resource).toBe(
          isOfObjects ? "arn:aws:s3:::acme-backups/dataops/*" : "arn:aws:s3:::acme-backups",
        );
      }
    },
  );
});

test("lists below the prefix alone; the whole bucket where it has none", () => {
  expect(storagePolicy("reader", request).Statement[0]?.Condition).toEqual({
    StringLike: { "s3:prefix": ["dataops/*"] },
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

test.each([
  ["alias/backups", "arn:aws:kms:*:*:key/*"],
  ["arn:aws:kms:eu-west-1:1:alias/backups", "arn:aws:kms:eu-west-1:1:key/*"],
])("a KMS key by its alias, %s, is a condition", (kmsKeyId, resource) => {
  expect(storagePolicy("reader", { ...request, kmsKeyId }).Statement.at(-1)).toEqual({
    Sid: "Key",
    Effect: "Allow",
    Action: ["kms:Decrypt"],
    Resource: resource,
    Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": ["alias/backups"] } },
  });
});

test("who writes may delete the checkpoints of indexes, where there are indexes, and nothing else", () => {
  const withIndexes = { ...request, indexedDatabases: ["production", "staging"] };
  const deletes = ({ Statement }: Policy): unknown[] =>
    Statement.filter(({ Action }) => Action.includes("s3:DeleteObject")).map(({ Resource }) => Resource);
  expect(deletes(storagePolicy("writer", request))).toEqual([]);
  expect(deletes(storagePolicy("reader", withIndexes))).toEqual([]);
  expect(deletes(storagePolicy("writer", withIndexes))).toEqual([
    [
      "arn:aws:s3:::acme-backups/dataops/production/reindex/*",
      "arn:aws:s3:::acme-backups/dataops/staging/reindex/*",
    ],
  ]);
});

test.each(STORAGE_ROLES)("docs/security.md says of the %s what is printed", async (role) => {
  const text = await readFile(new URL("../../../docs/security.md", import.meta.url), "utf8");
  const row = text.split("\n").find((line) => line.startsWith(`| \`${role}\` |`)) ?? "";
  const [, , objects, bucket] = row.split("|").map((cell) => cell.match(/s3:\w+/g) ?? []);
  const printed = storagePolicy(role, request).Statement;
  const on = (arn: string): string[] =>
    printed.flatMap(({ Resource, Action }) => (Resource === arn ? Action : []));
  expect({ objects, bucket }).toEqual({
    objects: on("arn:aws:s3:::acme-backups/dataops/*"),
    bucket: on("arn:aws:s3:::acme-backups"),
  });
});

test("a prefix is the one that the storage takes it for", () => {
  const { Statement } = storagePolicy("reader", { ...request, storageUrl: "s3://acme/our%20backups/" });
  expect(Statement[1]?.Resource).toBe("arn:aws:s3:::acme/our backups/*");
});

test("a folder needs no policy", () => {
  expect(() => storagePolicy("reader", { ...request, storageUrl: "file:///backups" })).toThrow(
    /file:\/\/\/backups is no bucket/,
  );
});
