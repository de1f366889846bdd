import { DataopsError, type ExitName } from "../errors.ts";
import type { StorageErrorKind } from "./storage.ts";

const EXIT_BY_KIND = {
  "not-found": "failed",
  "precondition-failed": "failed",
  "not-permitted": "notPermitted",
  transient: "unreachable",
  permanent: "failed",
} as const satisfies Record<StorageErrorKind, ExitName>;

/** A failure of the storage, classified by the adapter that met it. */
export class StorageError extends DataopsError {
  readonly kind: StorageErrorKind;

  constructor(
    kind: StorageErrorKind,
    message: string,
    details: { hint?: string; cause?: unknown; exit?: ExitName } = {},
  ) {
    super(details.exit ?? EXIT_BY_KIND[kind], message, details);
    this.kind = kind;
  }
}

/** Whether `error` is a storage failure, of the given kind if one is named. */
export function isStorageError(error: unknown, kind?: StorageErrorKind): error is StorageError {
  return error instanceof StorageError && (kind === undefined || error.kind === kind);
}
