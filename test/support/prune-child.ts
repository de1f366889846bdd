import { prune } from "../../src/backup/prune/prune.ts";
import type { KeepRules } from "../../src/config/config.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { openTestStorage } from "./s3-storage.ts";
import type { S3Description } from "./server-broker.ts";
import { alone } from "./stored-backups.ts";

/** A prune as a process of its own, which ends like one that was killed: at once, in the middle of a request. */
export interface PruneChildOptions {
  server: S3Description;
  bucket: string;
  prefix: string;
  database: string;
  rules: KeepRules;
  /** Milliseconds since the epoch: packs are deleted only when they are days old. */
  now: number;
  /** The request, from 1, at which it is killed; 0: never, and in the end it says how many there were. */
  killAt: number;
  /** Milliseconds after that request went out; undefined: before it does. */
  delay: number | undefined;
}

async function main(options: PruneChildOptions): Promise<void> {
  const { server, bucket, prefix, killAt, delay, database, rules, now } = options;
  const inner = openTestStorage(server, prefix, { bucket });
  let requests = 0;
  const count = (): void => {
    requests += 1;
    if (requests !== killAt) return;
    if (delay === undefined) process.kill(process.pid, "SIGKILL");
    else setTimeout(() => process.kill(process.pid, "SIGKILL"), delay);
  };
  const storage: Storage = {
    ...inner,
    list(beginning, listOptions) {
      count();
      return inner.list(beginning, listOptions);
    },
    get(key, getOptions) {
      count();
      return inner.get(key, getOptions);
    },
    delete(key, deleteOptions) {
      count();
      return inner.delete(key, deleteOptions);
    },
  };
  const { signal } = new AbortController();
  await prune({ storage, signal, now: () => now, withLease: alone }, { database, rules, allowMany: true });
  process.stdout.write(String(requests));
  await inner.close();
}

// eslint-disable-next-line typescript/no-unsafe-type-assertion -- the test that started it wrote it
await main(JSON.parse(process.argv[2] ?? "") as PruneChildOptions);
