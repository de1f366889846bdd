import { DataopsError } from "../errors.ts";
import { checkpointsPrefix } from "../repository/keys.ts";

/** Who does what with the storage. One task or person may have several. */
export const STORAGE_ROLES = ["writer", "pruner", "reader"] as const;

export type StorageRole = (typeof STORAGE_ROLES)[number];

/** What a policy is derived from. */
export interface PolicyRequest {
  /** `s3://bucket/prefix`. */
  storageUrl: string;
  /** The KMS key that objects are encrypted with, as the configuration names it; undefined for the bucket's own. */
  kmsKeyId: string | undefined;
  /** The databases that search indexes are built from. */
  indexedDatabases?: readonly string[];
}

/** One statement of an IAM policy. */
export interface PolicyStatement {
  Sid: string;
  Effect: "Allow";
  Action: string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string[]>>;
}

/** An IAM policy. */
export interface Policy {
  Version: "2012-10-17";
  Statement: PolicyStatement[];
}

const READ = ["s3:GetObject"];
/** Unfinished uploads are resumed by nobody, and ended by the next run. */
const WRITE = ["s3:PutObject", "s3:AbortMultipartUpload"];
const DELETE = ["s3:DeleteObject"];

const OBJECT_ACTIONS: Readonly<Record<StorageRole, readonly string[]>> = {
  reader: READ,
  // Leases and run records are replaced, never deleted; what a failed backup leaves, the pruner clears.
  writer: [...READ, ...WRITE],
  pruner: [...READ, ...WRITE, ...DELETE],
};

/**
 * The least that a role needs of AWS for the storage of a configuration. Pure.
 *
 * @throws DataopsError `usage` where the storage is no bucket
 */
export function storagePolicy(role: StorageRole, request: PolicyRequest): Policy {
  const { storageUrl, kmsKeyId, indexedDatabases = [] } = request;
  const { bucket, prefix } = placeOf(storageUrl);
  const bucketArn = `arn:aws:s3:::${bucket}`;
  const start = prefix === "" ? "" : `${prefix}/`;
  const below = `${start}*`;
  const statements: PolicyStatement[] = [
    {
      Sid: "ListBackups",
      Effect: "Allow",
      Action: ["s3:ListBucket"],
      Resource: bucketArn,
      // With the slash: `dataops` alone would also list what is below `dataops-of-others`.
      ...(prefix === "" ? {} : { Condition: { StringLike: { "s3:prefix": [below] } } }),
    },
    { Sid: "Objects", Effect: "Allow", Action: [...OBJECT_ACTIONS[role]], Resource: `${bucketArn}/${below}` },
  ];
  if (role === "writer" && indexedDatabases.length > 0) {
    statements.push({
      Sid: "ClearCheckpoints",
      Effect: "Allow",
      Action: DELETE,
      Resource: indexedDatabases.map((name) => `${bucketArn}/${start}${checkpointsPrefix(name)}*`),
    });
  }
  // S3 knows no condition on the prefix for it.
  if (role !== "reader") {
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
      Action: role === "reader" ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:GenerateDataKey"],
      ...keyOf(kmsKeyId),
    });
  }
  return { Version: "2012-10-17", Statement: statements };
}

/** A policy names keys, never their aliases: those are a condition. */
function keyOf(kmsKeyId: string): Pick<PolicyStatement, "Resource" | "Condition"> {
  const [, start = "arn:aws:kms:*:*:", alias] = /^(arn:.*:)?(alias\/.*)$/.exec(kmsKeyId) ?? [];
  if (alias !== undefined) {
    return {
      Resource: `${start}key/*`,
      Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": [alias] } },
    };
  }
  return { Resource: kmsKeyId.startsWith("arn:") ? kmsKeyId : `arn:aws:kms:*:*:key/${kmsKeyId}` };
}

function placeOf(storageUrl: string): { bucket: string; prefix: string } {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(storageUrl) ?? [];
  // As the storage reads it.
  if (bucket !== "") return { bucket, prefix: decodeURIComponent(prefix) };
  throw new DataopsError("usage", `${storageUrl} is no bucket, and needs no policy`, {
    hint: "a policy is for storage in S3: s3://bucket/prefix",
  });
}
