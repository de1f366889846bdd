import { expect, test } from "vitest";
import { storagePolicy, STORAGE_ROLES } from "../../../src/deploy/iam-policy.ts";

/** Where a policy's resources are: the bucket's partition, and a prefix that may look like a pattern. */

const request = { storageUrl: "s3://acme-backups/dataops", kmsKeyId: undefined };

test.each(STORAGE_ROLES)("all that a %s may is in the partition of the region", (role) => {
  const { Statement } = storagePolicy(role, {
    ...request,
    kmsKeyId: "k",
    region: "cn-north-1",
    indexedDatabases: ["production"],
  });
  for (const resource of Statement.flatMap(({ Resource }) => Resource)) {
    expect(resource).toMatch(/^arn:aws-cn:/);
  }
});

test.each([
  ["s3://acme/a/b/", "a/b/*"],
  ["s3://acme/a*b", "a${*}b/*"],
  ["s3://acme/a$b%3F", "a${$}b${?}/*"],
])("the prefix of %s is meant as it is", (storageUrl, expected) => {
  const { Statement } = storagePolicy("reader", { ...request, storageUrl });
  expect(Statement.at(-1)?.Resource).toBe(`arn:aws:s3:::acme/${expected}`);
  expect(Statement[0]?.Condition).toEqual({ StringLike: { "s3:prefix": [expected] } });
});

test.each(STORAGE_ROLES)("a %s never reaches versions, nor a whole service", (role) => {
  const { Statement } = storagePolicy(role, { ...request, kmsKeyId: "k" });
  expect(Statement.flatMap(({ Action }) => Action).join()).not.toMatch(/Version|\*/);
});

test("keys that somebody put into the URL are not told", () => {
  const derive = (): unknown =>
    storagePolicy("reader", { ...request, storageUrl: "s3://key:sentinel@acme/dataops" });
  expect(derive).toThrow("s3://…@acme/dataops is no bucket");
  expect(derive).not.toThrow(/sentinel/);
});
