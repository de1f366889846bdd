import { StorageError } from "./storage-error.ts";

/** There is no such object. */
export function notFound(where: string, key: string, cause?: unknown): StorageError {
  return new StorageError("not-found", `there is no ${key} in ${where}`, { cause });
}

/** The object is not what the caller took it for. */
export function preconditionFailed(where: string, key: string, cause?: unknown): StorageError {
  return new StorageError("precondition-failed", `${key} in ${where} was changed by someone else`, { cause });
}

/** The object ends before byte `end`. */
export function tooShort(where: string, key: string, end: number): StorageError {
  return new StorageError("permanent", `${key} in ${where} does not have the bytes up to ${end}`);
}

/** Whether `error` is the system's error of that code. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Turns what the file system threw into a classified error. */
export function classifyFileError(error: unknown, where: string, key: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || error instanceof StorageError) return error;
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return notFound(where, key, error);
    case "EEXIST":
      return preconditionFailed(where, key, error);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new StorageError("not-permitted", `${key} in ${where}: permission denied`, {
        hint: "check the owner and the mode of the folder",
        cause: error,
      });
    case "ENOSPC":
    case "EDQUOT":
      return new StorageError("permanent", `no space left for ${key} in ${where}`, {
        hint: "free some space, or keep backups elsewhere",
        cause: error,
      });
    case "EIO":
    case "EBUSY":
    case "EMFILE":
    case "ENFILE":
    case "ESTALE":
    case "ETIMEDOUT":
      return new StorageError("transient", `${key} in ${where}: ${error.message}`, { cause: error });
    default:
      return typeof error.code === "string"
        ? new StorageError("permanent", `${key} in ${where}: ${error.message}`, { cause: error })
        : error;
  }
}
