import { DataopsError } from "../errors.ts";
import { checkpointsPrefix } from "../repository/keys.ts";
import { parseS3Url, type S3Location } from "../storage/s3-url.ts";
import { partitionOf } from "./partition.ts";

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
  /** The bucket's; undefined where it is not known. */
  region?: string | undefined;
}

/** One statement of an IAM policy. */
export interface PolicyStatement {
  Sid: string;
  Effect: "Allow";
  Action: string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
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
  const { storageUrl, kmsKeyId, indexedDatabases = [], region } = request;
  const { bucket, prefix } = placeOf(storageUrl);
  const partition = partitionOf(region);
  const bucketArn = `arn:${partition}:s3:::${bucket}`;
  const start = prefix === "" ? "" : `${literal(prefix)}/`;
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
      ...keyOf(kmsKeyId, partition),
    });
  }
  return { Version: "2012-10-17", Statement: statements };
}

/** A policy names keys, never their aliases: those are a condition. */
function keyOf(kmsKeyId: string, partition: string): Pick<PolicyStatement, "Resource" | "Condition"> {
  const [, start = `arn:${partition}:kms:*:*:`, alias] = /^(arn:.*:)?(alias\/.*)$/.exec(kmsKeyId) ?? [];
  if (alias !== undefined) {
    return {
      Resource: `${start}key/*`,
      Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": [alias] } },
    };
  }
  return { Resource: kmsKeyId.startsWith("arn:") ? kmsKeyId : `${start}key/${kmsKeyId}` };
}

/** In a policy, these characters stand for others unless they are written so. */
function literal(text: string): string {
  return text.replaceAll(/[*?$]/g, "$${$&}");
}

function placeOf(storageUrl: string): S3Location {
  const place = parseS3Url(storageUrl);
  if (place !== undefined) return place;
  // Never the URL's credentials, should someone have put some there.
  const shown = storageUrl.replace(/\/\/[^/]*@/, "//…@");
  throw new DataopsError("usage", `${shown} is no bucket, and needs no policy`, {
    hint: "a policy is for storage in S3: s3://bucket/prefix",
  });
}
