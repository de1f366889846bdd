import { describe, expect, test } from "vitest";
import {
  archiveKey,
  checkpointPrefix,
  leaseKey,
  manifestKey,
  MARKER_KEY,
  packKey,
  packName,
  runKey,
  sidecarKey,
} from "../../../src/repository/keys.ts";
import type { PolicyStatement } from "../../../src/deploy/policy.ts";
import {
  storageStatements,
  STORAGE_ROLES,
  type StorageRights,
  type StorageRole,
} from "../../../src/deploy/storage-policy.ts";

const rights: StorageRights = {
  storageUrl: "s3://acme-backups/dataops",
  kmsKeyId: undefined,
  region: "eu-west-1",
};

function actions(statements: readonly PolicyStatement[]): string[] {
  return statements.flatMap(({ Action }) => Action).sort();
}

function statement(sid: string, statements: readonly PolicyStatement[]): PolicyStatement | undefined {
  return statements.find(({ Sid }) => Sid === sid);
}

/** Whether a role may delete what has this key below the prefix. */
function mayDelete(role: StorageRole, key: string): boolean {
  return storageStatements(role, rights)
    .filter(({ Action }) => Action.includes("s3:DeleteObject"))
    .flatMap(({ Resource }) => Resource)
    .some((resource) => matchesGlob(`arn:aws:s3:::acme-backups/dataops/${key}`, resource));
}

/** As IAM matches: a star stands for any characters, slashes as well. */
function matchesGlob(text: string, pattern: string): boolean {
  const expression = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${expression}$`).test(text);
}

describe("the least that a role needs", () => {
  const WRITES = [
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:PutObject",
  ];

  test.each([
    ["reader", ["s3:GetObject", "s3:ListBucket"]],
    ["writer", WRITES],
    ["pruner", WRITES],
  ] as const)("%s", (role, expected) => {
    expect(actions(storageStatements(role, rights))).toEqual(expected);
  });

  const id = "20261121T040000Z-k3v9qa";

  test.each([
    ["locks/probe-1b9d6bcd", true],
    [
      `${checkpointPrefix({ kind: "reindex", name: "products", database: "production" }, id)}progress.json`,
      true,
    ],
    [MARKER_KEY, false],
    [manifestKey("production", id), false],
    [archiveKey("reindex", id), false],
    [packKey("production", packName(id, 1)), false],
    [sidecarKey("production", id, "kept"), false],
    [leaseKey({ kind: "backup", name: "probe-1", database: "production" }), false],
    [runKey({ kind: "reindex", name: "products", database: "production" }, id), false],
  ])("a writer may delete %s: %s; a pruner may", (key, expected) => {
    expect(mayDelete("writer", key)).toBe(expected);
    expect(mayDelete("pruner", key)).toBe(true);
    expect(mayDelete("reader", key)).toBe(false);
  });

  test.each(STORAGE_ROLES)("%s reaches objects below the prefix alone, and no other bucket", (role) => {
    for (const { Resource, Action } of storageStatements(role, rights)) {
      const isOfObjects = Action.some((action) => /Object|Abort/.test(action));
      const expected = isOfObjects ? /^arn:aws:s3:::acme-backups\/dataops\// : /^arn:aws:s3:::acme-backups$/;
      for (const resource of [Resource].flat()) expect(resource).toMatch(expected);
    }
  });

  test.each(STORAGE_ROLES)("%s never reaches versions", (role) => {
    expect(actions(storageStatements(role, rights)).join()).not.toMatch(/Version|\*/);
  });
});

describe("where", () => {
  test("lists below the prefix alone; the whole bucket where it has none", () => {
    expect(statement("ListBackups", storageStatements("reader", rights))?.Condition).toEqual({
      StringLike: { "s3:prefix": ["dataops/*"] },
    });
    const whole = storageStatements("reader", { ...rights, storageUrl: "s3://acme" });
    expect(statement("ListBackups", whole)).not.toHaveProperty("Condition");
    expect(statement("Objects", whole)).toMatchObject({ Resource: "arn:aws:s3:::acme/*" });
  });

  test.each([
    ["s3://acme/a/b/", "a/b/*"],
    // As the storage itself understands it.
    ["s3://acme/my%20backups", "my backups/*"],
    ["s3://acme/a*b", "a${*}b/*"],
    ["s3://acme/a$b%3F", "a${$}b${?}/*"],
  ])("%s is %s", (storageUrl, expected) => {
    expect(statement("Objects", storageStatements("reader", { ...rights, storageUrl }))).toMatchObject({
      Resource: `arn:aws:s3:::acme/${expected}`,
    });
  });

  test("names the partition of the region", () => {
    const resources = storageStatements("writer", { ...rights, region: "cn-north-1", kmsKeyId: "k" });
    for (const { Resource } of resources) {
      for (const resource of [Resource].flat()) expect(resource).toMatch(/^arn:aws-cn:/);
    }
  });
});

const KEY = "arn:aws:kms:eu-west-1:123456789012:key/k";

test.each([
  ["reader", KEY, { Action: ["kms:Decrypt"], Resource: KEY }],
  ["writer", KEY, { Action: ["kms:Decrypt", "kms:GenerateDataKey"], Resource: KEY }],
  ["reader", "k-1", { Action: ["kms:Decrypt"], Resource: "arn:aws:kms:*:*:key/k-1" }],
  [
    "reader",
    "alias/backups",
    {
      Action: ["kms:Decrypt"],
      Resource: "arn:aws:kms:*:*:key/*",
      Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/backups" } },
    },
  ],
  [
    "reader",
    "arn:aws:kms:eu-west-1:123456789012:alias/backups",
    {
      Action: ["kms:Decrypt"],
      Resource: "arn:aws:kms:eu-west-1:123456789012:key/*",
      Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/backups" } },
    },
  ],
] as const)("a KMS key: %s, %s", (role, kmsKeyId, expected) => {
  expect(statement("Key", storageStatements(role, { ...rights, kmsKeyId }))).toEqual({
    Sid: "Key",
    Effect: "Allow",
    ...expected,
  });
});

test.each(["file:///backups", "s3://key:sentinel@acme/dataops"])("%s needs no policy", (storageUrl) => {
  const derive = (): unknown => storageStatements("reader", { ...rights, storageUrl });
  expect(derive).toThrow(/^the storage is no bucket/);
  expect(derive).not.toThrow(/sentinel/);
});
