import { z } from "zod";
import type { SearchErrorKind } from "./search-engine.ts";
import { SearchError } from "./search-error.ts";

/** What an engine says of one failure, of a request or of one of its items. */
export interface EngineFailure {
  /** HTTP's, or the item's. */
  status: number;
  /** `mapper_parsing_exception`; undefined where something before the engine answered. */
  type: string | undefined;
  reason: string;
}

const DISK_HINT =
  'free or add disk space in the engine; where the block stays, lift it: PUT INDEX/_settings {"index.blocks.read_only_allow_delete": null}';
const BLOCK_HINT = "find out who blocked the index, and why; then run it again";

/** How people and AWS's services say it: "The security token included in the request is expired". */
const EXPIRED_PATTERN = /expired/i;
const DISK_PATTERN = /disk usage|flood.stage|read.only.?.?.?allow.delete|\/12\//i;

const BY_TYPE: Readonly<Record<string, SearchErrorKind>> = {
  index_not_found_exception: "not-found",
  aliases_not_found_exception: "not-found",
  resource_already_exists_exception: "already-exists",
  index_already_exists_exception: "already-exists",
  es_rejected_execution_exception: "overloaded",
  rejected_execution_exception: "overloaded",
  open_search_rejected_execution_exception: "overloaded",
  circuit_breaking_exception: "overloaded",
  security_exception: "not-permitted",
};

/** What can be done, by kind; of a block its words say more. */
const HINTS: Partial<Readonly<Record<SearchErrorKind, string>>> = {
  expired: "log in again, or give the task a role: these credentials are not renewed by themselves",
  "not-permitted": "check the credentials of search.<name>, and what they are allowed to do",
  "too-large": "raise the engine's http.max_content_length, or take large fields out of the documents",
  overloaded: "give the engine more resources, or send with fewer jobs",
};

/** What kind of failure this is, and what can be done about it. */
export function judgeFailure(failure: EngineFailure): { kind: SearchErrorKind; hint: string | undefined } {
  const kind = kindOf(failure);
  if (kind !== "blocked") return { kind, hint: HINTS[kind] };
  return { kind, hint: DISK_PATTERN.test(failure.reason) ? DISK_HINT : BLOCK_HINT };
}

function kindOf({ status, type, reason }: EngineFailure): SearchErrorKind {
  // At 503 the cluster has no manager at the moment, or is not recovered yet.
  if (type === "cluster_block_exception") return status === 503 ? "unreachable" : "blocked";
  const known = type === undefined ? undefined : BY_TYPE[type];
  if (known !== undefined) return known;
  switch (status) {
    case 401:
    case 403:
      return EXPIRED_PATTERN.test(reason) ? "expired" : "not-permitted";
    case 404:
      return "not-found";
    case 408:
      return "unreachable";
    case 413:
      return "too-large";
    case 429:
      return "overloaded";
    default:
      return status >= 500 ? "unreachable" : "rejected";
  }
}

const errorBody = z.object({
  error: z.union([
    z.object({ type: z.string().optional(), reason: z.string().nullish() }),
    z.string().transform((reason) => ({ reason, type: undefined })),
  ]),
});

/** What Amazon's gateway says. */
const gatewayBody = z.union([
  z.object({ message: z.string() }),
  z.object({ Message: z.string() }).transform(({ Message }) => ({ message: Message })),
]);

/** Reads what an answer that is no success says. */
export function failureOf(status: number, body: Buffer): EngineFailure {
  const text = body.toString("utf8");
  const json = parseJson(text);
  const own = errorBody.safeParse(json);
  if (own.success) return { status, type: own.data.error.type, reason: own.data.error.reason ?? "" };
  const gateway = gatewayBody.safeParse(json);
  return { status, type: undefined, reason: gateway.success ? gateway.data.message : text };
}

/** The error for an answer that is no success. `what` says what was being done: `creating the index products-…`. */
export function errorOf(what: string, failure: EngineFailure, retryAfter: number | undefined): SearchError {
  const { kind, hint } = judgeFailure(failure);
  return new SearchError(kind, `${what}: ${wordsFor(kind, failure)}`, {
    hint,
    status: failure.status,
    retryAfter,
  });
}

function wordsFor(kind: SearchErrorKind, failure: EngineFailure): string {
  const { status, type } = failure;
  // A gateway that finds a signature wrong answers with all that was signed, the session's token included.
  if (kind === "expired") return `the credentials have expired (HTTP ${status})`;
  if (kind === "not-permitted") return `not permitted (HTTP ${status})`;
  if (kind === "blocked" && DISK_PATTERN.test(failure.reason)) {
    return `a disk of the engine is full, writing is blocked (HTTP ${status})`;
  }
  return type === undefined ? `HTTP ${status}` : `${reasonOf(failure)} (HTTP ${status})`;
}

/** Characters of the engine's words that are passed on. */
const MAX_REASON = 300;

/**
 * One line of what the engine says, without the values of a document: engines quote what they could not read, and a report
 * of a document is no place for what somebody's customers wrote.
 */
export function reasonOf({ type, reason }: EngineFailure): string {
  const shown = reason
    .replace(/\. Preview of field's value: .*/s, "")
    .replace(/The prefix of the first immense term is: '\[[^\]]*\]\.*'/, "[…]")
    .replaceAll(/For input string: ".*"/gs, "not a number")
    .replaceAll(/(?<=\bvalue )(\[.*\]|'.*')/gs, "[…]")
    .replaceAll(/\s+/g, " ")
    .slice(0, MAX_REASON);
  return type === undefined ? shown : `${type}: ${shown}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
