import { DataopsError, type ExitName } from "../errors.ts";
import type { SearchErrorKind } from "./search-engine.ts";

const EXIT_BY_KIND = {
  "not-found": "reindexFailed",
  "already-exists": "reindexFailed",
  "too-large": "reindexFailed",
  overloaded: "reindexFailed",
  blocked: "reindexFailed",
  expired: "notPermitted",
  "not-permitted": "notPermitted",
  unreachable: "unreachable",
  unsupported: "refused",
  rejected: "reindexFailed",
} as const satisfies Record<SearchErrorKind, ExitName>;

export interface SearchErrorDetails {
  hint?: string | undefined;
  cause?: unknown;
  /** HTTP's; undefined where no answer came. */
  status?: number | undefined;
  /** Milliseconds that the engine asked to wait before the next try. */
  retryAfter?: number | undefined;
}

/** A failure of the search engine, classified by the adapter that met it. */
export class SearchError extends DataopsError {
  readonly kind: SearchErrorKind;
  /** HTTP's; undefined where no answer came. */
  readonly status: number | undefined;
  /** Milliseconds that the engine asked to wait before the next try. */
  readonly retryAfter: number | undefined;

  constructor(kind: SearchErrorKind, message: string, details: SearchErrorDetails = {}) {
    const { hint, cause, status, retryAfter } = details;
    super(EXIT_BY_KIND[kind], message, { ...(hint === undefined ? {} : { hint }), cause });
    this.kind = kind;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Whether `error` is a failure of the search engine, of the given kind if one is named. */
export function isSearchError(error: unknown, kind?: SearchErrorKind): error is SearchError {
  return error instanceof SearchError && (kind === undefined || error.kind === kind);
}
