import { inject } from "vitest";
import type { BrokerAnswer, S3Description } from "./server-broker.ts";
import { type PostgresServerDescription, type PostgresVersion } from "./postgres-servers.ts";
import type { SearchDescription, SearchEngineName } from "./search-servers.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

/** A server that all tests of the run share. Make your own database, role or bucket in it; never stop it. */
export type SharedPostgres = PostgresServerDescription;

export interface SharedS3 extends S3Description {
  createBucket(name: string): Promise<void>;
}

/**
 * The run's PostgreSQL server of that version; started when first asked for.
 *
 * @throws ServerUnavailable where it cannot be had
 */
export function sharedPostgres(version: PostgresVersion): Promise<SharedPostgres> {
  return ask<SharedPostgres>(`postgres-${version}`);
}

/** The run's S3 server: `ceph` is a real one, `fauxqs` a quick stand-in without conditional writes. */
export async function sharedS3(name: "ceph" | "fauxqs"): Promise<SharedS3> {
  const description = await ask<S3Description>(name);
  return {
    ...description,
    createBucket: async (bucket) => {
      await ask(`${name}?bucket=${encodeURIComponent(bucket)}`);
    },
  };
}

/**
 * The run's search engine of that name; started when first asked for. Make your own indexes in it; leave its settings alone.
 *
 * @throws ServerUnavailable where it cannot be had
 */
export function sharedSearch(name: SearchEngineName): Promise<SearchDescription> {
  return ask<SearchDescription>(name);
}

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`${inject("serverBroker")}/${path}`);
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are in this folder
  const answer = (await response.json()) as BrokerAnswer<T>;
  if ("server" in answer) return answer.server;
  if ("failed" in answer) throw new Error(answer.failed);
  throw new ServerUnavailable(answer.unavailable);
}
