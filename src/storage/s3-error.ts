import { S3ServiceException } from "@aws-sdk/client-s3";
import { messageOf, type ExitName } from "../errors.ts";
import { StorageError } from "./storage-error.ts";
import type { StorageErrorKind } from "./storage.ts";

interface Verdict {
  kind: StorageErrorKind;
  /** Where the kind's own exit would mislead. */
  exit?: ExitName;
  hint?: string;
  /** In place of the service's own words. */
  message?: string;
}

const CREDENTIALS_HINT =
  "check the credentials: AWS_PROFILE, the task's role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
const CHECKSUM_HINT = "this store does not know the SDK's checksums: set storage.checksums to when-required";

/** Worth another try: the credential chain may have fresh ones by then. */
const EXPIRED: Verdict = {
  kind: "transient",
  message: "the credentials have expired",
  hint: CREDENTIALS_HINT,
};

/** By the service's error code. */
const BY_CODE: Readonly<Record<string, Verdict>> = {
  NoSuchKey: { kind: "not-found" },
  NotFound: { kind: "not-found" },
  NoSuchBucket: {
    kind: "permanent",
    exit: "usage",
    message: "the bucket does not exist",
    hint: "create the bucket, or correct the storage's URL",
  },
  PreconditionFailed: { kind: "precondition-failed" },
  // Two conditional writes at once: the next try is told who won.
  ConditionalRequestConflict: { kind: "transient" },
  AccessDenied: {
    kind: "not-permitted",
    hint: "grant the role what it needs on the bucket and the prefix",
  },
  AllAccessDisabled: { kind: "not-permitted" },
  AccountProblem: { kind: "not-permitted" },
  InvalidAccessKeyId: { kind: "not-permitted", hint: CREDENTIALS_HINT },
  SignatureDoesNotMatch: { kind: "not-permitted", hint: CREDENTIALS_HINT },
  InvalidToken: { kind: "not-permitted", hint: CREDENTIALS_HINT },
  CredentialsProviderError: {
    kind: "not-permitted",
    message: "no AWS credentials were found",
    hint: CREDENTIALS_HINT,
  },
  TokenProviderError: { kind: "not-permitted", hint: "log in again: aws sso login" },
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  RequestTimeTooSkewed: { kind: "permanent", hint: "set this machine's clock" },
  PermanentRedirect: { kind: "permanent", hint: "set storage.region to the bucket's region" },
  AuthorizationHeaderMalformed: { kind: "permanent", hint: "set storage.region to the bucket's region" },
  IllegalLocationConstraintException: {
    kind: "permanent",
    hint: "set storage.region to the bucket's region",
  },
  NotImplemented: { kind: "permanent", hint: CHECKSUM_HINT },
  XAmzContentSHA256Mismatch: { kind: "transient" },
  BadDigest: { kind: "transient" },
  RequestTimeout: { kind: "transient" },
  SlowDown: { kind: "transient", message: "the storage asks to slow down" },
  Throttling: { kind: "transient" },
  ThrottlingException: { kind: "transient" },
  TooManyRequests: { kind: "transient" },
  InternalError: { kind: "transient" },
  ServiceUnavailable: { kind: "transient" },
  OperationAborted: { kind: "transient" },
};

/**
 * Turns what the S3 client threw into a classified error. `what` says what was being done: `reading production/…/manifest.json`.
 * An abort passes through unchanged.
 */
export function classifyS3Error(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || error instanceof StorageError) return error;
  if (error.name === "AbortError") return error;
  const verdict = judge(error);
  const status = statusOf(error);
  const words = verdict.message ?? describe(error, status);
  return new StorageError(verdict.kind, `${what}: ${words}`, {
    ...(verdict.hint === undefined ? {} : { hint: verdict.hint }),
    ...(verdict.exit === undefined ? {} : { exit: verdict.exit }),
    cause: error,
  });
}

function judge(error: Error): Verdict {
  const known = BY_CODE[error.name];
  if (known !== undefined) return known;
  const status = statusOf(error);
  if (status === 404) return { kind: "not-found" };
  if (status === 412 || status === 409) return { kind: "precondition-failed" };
  if (status === 401 || status === 403) return { kind: "not-permitted", hint: CREDENTIALS_HINT };
  if (status === 408 || status === 429) return { kind: "transient" };
  if (status === 501) return { kind: "permanent", hint: CHECKSUM_HINT };
  if (status === 301) return { kind: "permanent", hint: "set storage.region to the bucket's region" };
  if (status !== undefined && status >= 500) return { kind: "transient" };
  if (error instanceof S3ServiceException && status !== undefined && status >= 400)
    return { kind: "permanent" };
  if (isConfigurationFault(error)) {
    return { kind: "permanent", hint: "set AWS_REGION or storage.region, and check storage.endpoint" };
  }
  // No answer, or not one that could be understood: the network, a proxy, a server that was going down.
  return { kind: "transient", hint: "check the network, and storage.endpoint" };
}

/** What the client throws before it sends anything. */
function isConfigurationFault(error: Error): boolean {
  return /Region is missing|Invalid endpoint|Invalid URL|Unable to resolve/i.test(error.message);
}

function statusOf(error: Error): number | undefined {
  if (!("$metadata" in error)) return undefined;
  const metadata: unknown = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

function describe(error: Error, status: number | undefined): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  const words = messageOf(error).split("\n")[0]?.slice(0, 300) ?? "";
  const shown = words === "" || words === "UnknownError" || words === code ? code : `${words} (${code})`;
  return status === undefined ? shown : `${shown}, HTTP ${status}`;
}
