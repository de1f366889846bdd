import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between two searches. */
const INTERVAL = 50;

export interface SearchReader {
  stop(): Promise<{ searches: number; failures: string[] }>;
}

/** Searches an alias each 50 ms, and notes each answer that is an error or has no document. */
export function startReader(url: string, alias: string): SearchReader {
  const stopping = new AbortController();
  const failures: string[] = [];
  let searches = 0;
  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const response = await fetch(`${url}/${alias}/_search?size=1`);
      const text = await response.text();
      searches += 1;
      if (!response.ok || !text.includes('"_source"'))
        failures.push(`${response.status} ${text.slice(0, 300)}`);
      await sleep(INTERVAL, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const working = work();
  working.catch(() => undefined);
  return {
    stop: async () => {
      stopping.abort();
      await working;
      return { searches, failures };
    },
  };
}
