import { randomUUID } from "node:crypto";
import { test as base } from "vitest";
import { retrying, type RetryPolicy } from "../../src/storage/retrying.ts";
import type { S3Settings } from "../../src/storage/s3.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { ServerUnavailable } from "./server-unavailable.ts";
import type { S3Description } from "./server-broker.ts";
import { startS3Proxy, type FaultRule, type S3Proxy } from "./s3-proxy.ts";
import { openTestStorage, TEST_BUCKET } from "./s3-storage.ts";
import { sharedS3 } from "./shared-servers.ts";

/** As in life, only quicker. */
export const POLICY = { attempts: 3, baseDelay: 1, maxDelay: 5 } satisfies RetryPolicy;
/** For tests of stalls: long enough for an honest answer of a busy machine, most of the time. */
export const SHORT_IDLE_TIMEOUT = 1_000;

/** A storage with retries behind which faults happen. */
export interface FaultyS3 {
  storage: Storage;
  proxy: S3Proxy;
  /** The same objects without the faults. */
  behind: Storage;
}

/** Puts the rule's faults before a fresh prefix of the real server. */
export type MakeFaulty = (rule: FaultRule, settings?: Partial<S3Settings>) => Promise<FaultyS3>;

/** Vitest's `test` with faults on demand. */
export const test = base.extend<{ s3: S3Description; faulty: MakeFaulty }>({
  s3: async ({ skip }, use) => {
    try {
      const server = await sharedS3("ceph");
      await server.createBucket(TEST_BUCKET);
      await use(server);
    } catch (error) {
      if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
      process.stderr.write(`SKIPPED: ${error.message}\n`);
      skip(error.message);
    }
  },
  faulty: async ({ s3 }, use) => {
    await using opened = new AsyncDisposableStack();
    await use(async (rule, settings) => {
      const prefix = randomUUID();
      const proxy = opened.use(await startS3Proxy(s3.endpoint, rule));
      const adapter = openTestStorage({ ...s3, endpoint: proxy.endpoint }, prefix, {
        partSize: 5 * 1024 * 1024,
        ...settings,
      });
      opened.defer(() => adapter.close());
      const behind = openTestStorage(s3, prefix);
      opened.defer(() => behind.close());
      return { storage: retrying(adapter, POLICY), proxy, behind };
    });
  },
});
