import { placeInReference, type SecretReference } from "../config/secret-reference.ts";
import { DataopsError, isDataopsError, messageOf, type ErrorDetails, type ExitName } from "../errors.ts";

const CREDENTIALS_HINT =
  "check the credentials: AWS_PROFILE, the task's role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

interface Verdict {
  exit: ExitName;
  why: string;
  hint: string;
}

const WRONG_KEYS: Verdict = {
  exit: "notPermitted",
  why: "AWS does not take these credentials",
  hint: CREDENTIALS_HINT,
};
const EXPIRED: Verdict = {
  exit: "notPermitted",
  why: "the credentials have expired",
  hint: CREDENTIALS_HINT,
};
const NO_CREDENTIALS: Verdict = {
  exit: "notPermitted",
  why: "no AWS credentials were found",
  hint: CREDENTIALS_HINT,
};
const THROTTLED: Verdict = {
  exit: "unreachable",
  why: "AWS asks to slow down",
  hint: "try again; something asks very often with this account",
};

/** By the error's name, where the same is to be said of any reference. */
const BY_NAME: Readonly<Record<string, Verdict>> = {
  UnrecognizedClientException: WRONG_KEYS,
  InvalidClientTokenId: WRONG_KEYS,
  InvalidSignatureException: WRONG_KEYS,
  IncompleteSignature: WRONG_KEYS,
  ExpiredTokenException: EXPIRED,
  ExpiredToken: EXPIRED,
  CredentialsProviderError: NO_CREDENTIALS,
  TokenProviderError: { ...NO_CREDENTIALS, hint: "log in again: aws sso login" },
  ThrottlingException: THROTTLED,
  Throttling: THROTTLED,
  TooManyRequestsException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  InvalidRequestException: {
    exit: "usage",
    why: "it is marked for deletion, or has no value yet",
    hint: "restore it, give it a value, or refer to another",
  },
};

const MISSING = ["ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"];
const DENIED = ["AccessDeniedException", "AccessDenied"];
const UNDECRYPTED = ["DecryptionFailure", "InvalidKeyId"];
/** IAM says what is lacking: `… is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:…` */
const LACKING = /not authorized to perform: ([a-z0-9-]+:[A-Za-z]+) on resource: (\S+)/;

/**
 * The error of a secret that could not be read, for people: what AWS said of it, without any value. Pure.
 *
 * @param region where it was asked for; undefined where none is known
 */
export function secretError(
  error: unknown,
  reference: SecretReference,
  region: string | undefined,
): DataopsError {
  if (isDataopsError(error)) return error;
  const { exit, why, hint } = judge(error, reference, region);
  const details: ErrorDetails = { hint, cause: error };
  return new DataopsError(exit, `cannot read ${reference.text}: ${why}`, details);
}

function judge(error: unknown, reference: SecretReference, region: string | undefined): Verdict {
  const name = error instanceof Error ? error.name : "";
  const says = messageOf(error);
  const known = BY_NAME[name];
  if (known !== undefined) return known;
  if (MISSING.includes(name)) return missing(reference, region);
  if (UNDECRYPTED.includes(name) || (DENIED.includes(name) && /\bKMS\b/.test(says))) {
    return {
      exit: "notPermitted",
      why: "it cannot be decrypted",
      hint: "allow kms:Decrypt on the key that it is encrypted with",
    };
  }
  if (DENIED.includes(name)) return denied(says, reference, region);
  if (/Region is missing/.test(says)) {
    return { exit: "usage", why: "no region is known", hint: "set AWS_REGION, or refer to it by its ARN" };
  }
  const status = statusOf(error);
  if (status !== undefined && status >= 400 && status < 500) {
    return {
      exit: "failed",
      why: `AWS answered ${name} (HTTP ${status})`,
      hint: "see AWS's documentation of it",
    };
  }
  const words = name === "TimeoutError" || name === "AbortError" ? "no answer in time" : codeOf(error, says);
  return { exit: "unreachable", why: words, hint: "check the network, and the VPC's endpoints" };
}

function missing({ service }: SecretReference, region: string | undefined): Verdict {
  const what = service === "ssm" ? "parameter" : "secret";
  const where = region === undefined ? "" : ` in ${region}`;
  return {
    exit: "usage",
    why: `there is no such ${what}${where}`,
    hint: "correct its name, or set AWS_REGION to where it is",
  };
}

function denied(says: string, reference: SecretReference, region: string | undefined): Verdict {
  const [, action = actionFor(reference), resource = resourceFor(reference, { region })] =
    LACKING.exec(says) ?? [];
  return { exit: "notPermitted", why: "access denied", hint: `allow ${action} on ${resource}` };
}

/** The action of IAM that a reference needs. Pure. */
export function actionFor({ service }: Pick<SecretReference, "service">): string {
  return service === "ssm" ? "ssm:GetParameter" : "secretsmanager:GetSecretValue";
}

/** Where a secret is; `*` for what is not known. */
export interface ResourcePlace {
  region?: string | undefined;
  account?: string | undefined;
  /** `aws`, or the part of Amazon that is apart from it: `aws-cn`. */
  partition?: string | undefined;
}

/** The ARN that a policy names for a reference; AWS adds six characters to a secret's name. Pure. */
export function resourceFor(
  reference: Pick<SecretReference, "service" | "name">,
  { region = "*", account = "*", partition = "aws" }: ResourcePlace,
): string {
  const { service } = reference;
  const [name = ""] = service === "ssm" ? withoutSelector(reference.name) : [reference.name];
  if (placeInReference({ name }) !== undefined) return name;
  return service === "ssm"
    ? `arn:${partition}:ssm:${region}:${account}:parameter/${name.replace(/^\//, "")}`
    : `arn:${partition}:secretsmanager:${region}:${account}:secret:${name}-??????`;
}

/** `/app/url:3` in `/app/url`, `3`; an ARN has colons of its own. */
function withoutSelector(name: string): string[] {
  return name.startsWith("arn:") ? [name.replace(/(:parameter\/[^:]*):.*$/, "$1")] : name.split(":");
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("$metadata" in error)) return undefined;
  const metadata: unknown = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

function codeOf(error: unknown, says: string): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return says.split("\n", 1)[0]?.slice(0, 300) ?? "";
}
