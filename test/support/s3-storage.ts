import { openS3Storage, type S3Settings } from "../../src/storage/s3.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { S3Description } from "./server-broker.ts";

/** The bucket of all tests; each has a prefix of its own in it. */
export const TEST_BUCKET = "dataops-tests";

/** A prefix of a test server as a storage, without retries. */
export function openTestStorage(
  server: S3Description,
  prefix: string,
  settings: Partial<S3Settings> = {},
): Storage {
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  return openS3Storage({
    bucket: TEST_BUCKET,
    prefix,
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    ...settings,
  });
}
