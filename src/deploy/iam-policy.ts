import { DataopsError } from "../errors.ts";

/** Who does what with the storage. One task or person may have several. */
export const STORAGE_ROLES = ["writer", "pruner", "reader"] as const;

export type StorageRole = (typeof STORAGE_ROLES)[number];

/** What a policy is derived from. */
export interface PolicyRequest {
  /** `s3://bucket/prefix`. */
  storageUrl: string;
  /** The KMS key that objects are encrypted with, as the configuration names it; undefined for the bucket's own. */
  kmsKeyId: string | undefined;
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
/** Unfinished uploads are listed to be resumed by nobody and ended by the next run. */
const WRITE = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
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
export function storagePolicy(role: StorageRole, { storageUrl, kmsKeyId }: PolicyRequest): Policy {
  const { bucket, prefix } = placeOf(storageUrl);
  const bucketArn = `arn:aws:s3:::${bucket}`;
  const below = prefix === "" ? "*" : `${prefix}/*`;
  const statements: PolicyStatement[] = [
    {
      Sid: "ListBackups",
      Effect: "Allow",
      Action: ["s3:ListBucket"],
      Resource: bucketArn,
      ...(prefix === "" ? {} : { Condition: { StringLike: { "s3:prefix": [prefix, below] } } }),
    },
    { Sid: "Objects", Effect: "Allow", Action: [...OBJECT_ACTIONS[role]], Resource: `${bucketArn}/${below}` },
  ];
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
      Resource: kmsKeyId.startsWith("arn:") ? kmsKeyId : `arn:aws:kms:*:*:key/${kmsKeyId}`,
    });
  }
  return { Version: "2012-10-17", Statement: statements };
}

function placeOf(storageUrl: string): { bucket: string; prefix: string } {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(storageUrl) ?? [];
  if (bucket !== "") return { bucket, prefix };
  throw new DataopsError("usage", `${storageUrl} is no bucket, and needs no policy`, {
    hint: "a policy is for storage in S3: s3://bucket/prefix",
  });
}
