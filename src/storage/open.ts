import { fileURLToPath } from "node:url";
import type { StorageConfig } from "../config/config.ts";
import { DataopsError } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import { openFileStorage } from "./file.ts";
import { DEFAULT_RETRY_POLICY, retrying } from "./retrying.ts";
import { parseS3Url } from "./s3-url.ts";
import type { Storage } from "./storage.ts";

/**
 * Opens the configured storage, with retries. No request is made yet.
 *
 * @throws DataopsError `usage` for a URL that is neither `s3://bucket/prefix` nor `file:///dir`
 */
export async function openStorage(config: StorageConfig, reporter?: Reporter): Promise<Storage> {
  const adapter = await openAdapter(config);
  return retrying(adapter, {
    ...DEFAULT_RETRY_POLICY,
    onRetry: (error, attempt, delay) => {
      const message = error instanceof Error ? error.message : String(error);
      reporter?.info(`trying again in ${(delay / 1000).toFixed(1)} s: ${message}`, { attempt });
    },
  });
}

async function openAdapter(config: StorageConfig): Promise<Storage> {
  const url = URL.parse(config.url);
  if (url?.protocol === "file:") {
    // With another host the URL would name a file of another machine.
    if (url.host !== "") throw unknownUrl(config.url);
    return openFileStorage(fileURLToPath(url));
  }
  const location = parseS3Url(config.url);
  if (location === undefined) throw unknownUrl(config.url);
  // Loaded only when needed: the S3 client takes longer to load than all the rest.
  const { openS3Storage } = await import("./s3.ts");
  return openS3Storage({ ...config, ...location });
}

function unknownUrl(url: string): DataopsError {
  // Never the URL's credentials, should someone have put some there.
  return new DataopsError("usage", `not a storage URL: ${url.replace(/\/\/[^/]*@/, "//…@")}`, {
    hint: "write s3://bucket/prefix or file:///directory; keys belong in the AWS environment or profile",
  });
}
