import { DataopsError } from "../errors.ts";
import { parseS3Url, type S3Location } from "../storage/s3-url.ts";
import { partitionOf, type PolicyStatement } from "./policy.ts";

/** Who does what with the storage. One task or person may have several. */
export const STORAGE_ROLES = ["writer", "pruner", "reader"] as const;

export type StorageRole = (typeof STORAGE_ROLES)[number];

/** What rights to a storage are derived from. */
export interface StorageRights {
  /** `s3://bucket/prefix`. */
  storageUrl: string;
  /** The KMS key that objects are encrypted with: an id, an alias, or the ARN of either; undefined for the bucket's own. */
  kmsKeyId: string | undefined;
  /** Of the bucket; undefined where it is not known. */
  region: string | undefined;
}

const READ = ["s3:GetObject"];
const WRITE = ["s3:PutObject", "s3:AbortMultipartUpload"];
const DELETE = ["s3:DeleteObject"];

const OBJECT_ACTIONS: Readonly<Record<StorageRole, readonly string[]>> = {
  reader: READ,
  // Leases and run records are replaced, never deleted; what a failed backup leaves, the pruner clears.
  writer: [...READ, ...WRITE],
  // Never `s3:DeleteObjectVersion`: in a bucket with versions, what is deleted can be brought back.
  pruner: [...READ, ...WRITE, ...DELETE],
};

/**
 * The least that a role needs of S3 and KMS for a storage. Pure.
 *
 * @throws DataopsError `usage` where the storage is no bucket
 */
export function storageStatements(
  role: StorageRole,
  { storageUrl, kmsKeyId, region }: StorageRights,
): PolicyStatement[] {
  const { bucket, prefix } = placeOf(storageUrl);
  const partition = partitionOf(region);
  const bucketArn = `arn:${partition}:s3:::${bucket}`;
  const start = prefix === "" ? "" : `${literal(prefix)}/`;
  const statements: PolicyStatement[] = [
    {
      Sid: "ListBackups",
      Effect: "Allow",
      Action: ["s3:ListBucket"],
      Resource: bucketArn,
      // S3 judges by it also whether it may say of an object below that there is none.
      ...(start === "" ? {} : { Condition: { StringLike: { "s3:prefix": [`${start}*`] } } }),
    },
    {
      Sid: "Objects",
      Effect: "Allow",
      Action: [...OBJECT_ACTIONS[role]],
      Resource: `${bucketArn}/${start}*`,
    },
  ];
  if (role === "writer") {
    statements.push({
      // What probes of conditional writes and checkpoints of reindexes leave is of no use to anybody else.
      Sid: "ClearTemporary",
      Effect: "Allow",
      Action: DELETE,
      Resource: ["locks/probe-*", "*/reindex/*"].map((keys) => `${bucketArn}/${start}${keys}`),
    });
  }
  if (role !== "reader") {
    // S3 knows no condition on the prefix for it.
    statements.push({
      Sid: "ListUnfinishedUploads",
      Effect: "Allow",
      Action: ["s3:ListBucketMultipartUploads"],
      Resource: bucketArn,
    });
  }
  if (kmsKeyId !== undefined) {
    statements.push({
      Sid: "Key",
      Effect: "Allow",
      // The parts of an upload are read again, by S3, when it is completed.
      Action: role === "reader" ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:GenerateDataKey"],
      ...keyOf(kmsKeyId, partition),
    });
  }
  return statements;
}

const ALIAS = /^(arn:[^:]+:kms:[^:]+:[^:]+):(alias\/.+)$/;

/** A policy's resource is a key, never its alias: that is a condition. */
function keyOf(kmsKeyId: string, partition: string): Pick<PolicyStatement, "Resource" | "Condition"> {
  const [, owner = `arn:${partition}:kms:*:*`, alias] =
    ALIAS.exec(kmsKeyId) ?? (kmsKeyId.startsWith("alias/") ? [kmsKeyId, undefined, kmsKeyId] : []);
  if (alias !== undefined) {
    return {
      Resource: `${owner}:key/*`,
      Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": alias } },
    };
  }
  return { Resource: kmsKeyId.startsWith("arn:") ? kmsKeyId : `${owner}:key/${kmsKeyId}` };
}

/** In a policy, these characters stand for others unless they are written so. */
function literal(text: string): string {
  return text.replaceAll(/[*?$]/g, "$${$&}");
}

function placeOf(storageUrl: string): S3Location {
  const place = parseS3Url(storageUrl);
  if (place !== undefined) return place;
  // Without the URL: somebody may have put keys into it.
  throw new DataopsError("usage", "the storage is no bucket, and needs no policy", {
    hint: "a policy is for storage in S3: s3://bucket/prefix",
  });
}
