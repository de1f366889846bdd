import { inspect } from "node:util";
import { describe, expect } from "vitest";
import { openBulkSender, type BulkSenderOptions } from "../../../src/search/bulk-sender.ts";
import { itemsOf } from "../../../src/search/bulk-items.ts";
import { isSearchError } from "../../../src/search/search-error.ts";
import type { SearchEngine } from "../../../src/search/search-engine.ts";
import { documents, ndjson, searchTest, TEST_MAPPINGS, TEST_SETTINGS } from "../../support/search-test.ts";
import type { SearchFault, SearchFaultRule } from "../../support/search-proxy.ts";
import type { SearchEngineName } from "../../support/search-servers.ts";

/** As in life, only quicker. */
export const QUICKLY = {
  jobs: 4,
  patience: 2_000,
  backoff: {
    baseDelay: 1,
    maxDelay: 10,
    random: () => 1,
    sleep: (milliseconds: number) =>
      new Promise((resolve) => setTimeout(resolve, Math.min(milliseconds, 10))),
  },
} satisfies BulkSenderOptions;

const BODY = { mappings: TEST_MAPPINGS, settings: TEST_SETTINGS };

const TOO_MANY: SearchFault = {
  kind: "answer",
  status: 429,
  headers: { "retry-after": "1" },
  body: {
    error: {
      type: "es_rejected_execution_exception",
      reason: "rejected execution of coordinating operation",
    },
    status: 429,
  },
};

/** What a sender does about what goes wrong between it and a real engine. */
export function describeBulkFaults(name: SearchEngineName): void {
  const test = searchTest(name);

  describe(`${name}: bulk requests through faults`, () => {
    test("a storm of 429 is waited out, with fewer requests at once", async ({ faulty, alias }) => {
      const { engine, proxy } = await faulty(onBulk(({ count }) => (count <= 12 ? TOO_MANY : undefined)));
      await engine.createIndex(alias, BODY);
      const waits: number[] = [];
      const sleep = (milliseconds: number): Promise<void> => {
        waits.push(milliseconds);
        return new Promise((resolve) => setTimeout(resolve, 1));
      };
      const sender = openBulkSender(engine, alias, { ...QUICKLY, backoff: { ...QUICKLY.backoff, sleep } });
      const batches = Array.from({ length: 8 }, (_, place) => documents(place * 10, place * 10 + 10));
      const outcomes = await Promise.all(batches.map((batch) => sender.send(batch)));
      expect(outcomes.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(80);
      expect(await countOf(engine, alias)).toBe(80);
      // Down to one, and after eight requests that went well up again.
      expect(sender.concurrency).toBe(2);
      // At least as long as the engine asked for.
      expect(waits).toHaveLength(12);
      expect(Math.min(...waits)).toBeGreaterThan(1_000);
      expect(proxy.requests.filter(isBulk)).toHaveLength(20);
    });

    test("of a request that was taken in part, the rest is sent again", async ({ faulty, alias }) => {
      const partly: SearchFault = {
        kind: "answer",
        status: 200,
        body: {
          errors: true,
          items: [
            { index: { status: 201 } },
            { index: { status: 429, error: { type: "circuit_breaking_exception", reason: "too much" } } },
            { index: { status: 503, error: { type: "unavailable_shards_exception", reason: "not now" } } },
            { index: { status: 409, error: { type: "version_conflict_engine_exception", reason: "newer" } } },
          ],
        },
      };
      const { engine, proxy } = await faulty(onBulk(({ count }) => (count === 1 ? partly : undefined)));
      await engine.createIndex(alias, BODY);
      const outcome = await openBulkSender(engine, alias, QUICKLY).send(documents(0, 4));
      expect(outcome).toEqual({ accepted: 3, conflicts: 1, refusedCount: 0, refused: [] });
      expect(proxy.requests.filter(isBulk)[1]?.body.toString()).toBe(documents(1, 3).toString());
    });

    test("an answer that does not speak of each item is no answer", async ({ faulty, alias }) => {
      const short: SearchFault = {
        kind: "answer",
        status: 200,
        body: { errors: false, items: [{ index: { status: 201 } }] },
      };
      const { engine } = await faulty(onBulk(({ count }) => (count === 1 ? short : undefined)));
      await engine.createIndex(alias, BODY);
      const outcome = await openBulkSender(engine, alias, QUICKLY).send(documents(0, 4));
      expect(outcome).toMatchObject({ accepted: 4 });
      expect(await countOf(engine, alias)).toBe(4);
    });

    test.for<[string, SearchFault]>([
      ["a broken connection", { kind: "reset" }],
      ["an answer that breaks off", { kind: "reset-answer", afterBytes: 10 }],
      ["an answer that stalls", { kind: "stall-answer", afterBytes: 10 }],
      ["an engine that says nothing", { kind: "stall" }],
      ["a gateway's 502", { kind: "answer", status: 502, body: "<html>Bad Gateway</html>" }],
      ["an engine without a manager", { kind: "answer", status: 503, body: NO_MANAGER }],
      ["a page in place of an answer", { kind: "answer", status: 200, body: "<html>maintenance</html>" }],
    ])("%s is tried again, and nothing is lost", async ([, fault], { faulty, engine: straight, alias }) => {
      const rule = onBulk(({ count }) => (count <= 2 ? fault : undefined));
      await straight.createIndex(alias, BODY);
      const { engine } = await faulty(rule, { idleTimeout: 1_000 });
      const options = { ...QUICKLY, patience: 20_000 };
      const { accepted, conflicts } = await openBulkSender(engine, alias, options).send(documents(0, 20));
      // What was written though its answer was lost is a conflict the next time.
      expect(accepted + conflicts).toBe(20);
      expect(await countOf(straight, alias)).toBe(20);
    });

    test("an answer without an end is cut off", async ({ faulty, alias }) => {
      const { engine, proxy } = await faulty(onBulk(() => ({ kind: "endless" })));
      await engine.createIndex(alias, BODY);
      const outcome = openBulkSender(engine, alias, QUICKLY).send(documents(0, 1));
      await expect(outcome).resolves.toMatchObject({ refusedCount: 1 });
      expect(proxy.bytesSent).toBeLessThan(64 * 1024 * 1024);
    });

    test("an engine that stays away is given up, and so is every later batch", async ({ faulty, alias }) => {
      let isAway = false;
      const { engine, proxy } = await faulty(() => (isAway ? { kind: "reset" } : undefined));
      await engine.createIndex(alias, BODY);
      const sender = openBulkSender(engine, alias, { ...QUICKLY, patience: 300 });
      await sender.send(documents(0, 5));
      isAway = true;
      await expect(sender.send(documents(5, 9))).rejects.toMatchObject({ exitCode: 16, kind: "unreachable" });
      const before = proxy.requests.length;
      await expect(sender.send(documents(9, 10))).rejects.toMatchObject({ exitCode: 16 });
      expect(proxy.requests).toHaveLength(before);
    });

    test("a block for a full disk ends it at once, whatever else waits", async ({ engine, alias }) => {
      await engine.createIndex(alias, BODY);
      await engine.changeSettings(alias, { "blocks.read_only_allow_delete": true });
      const sender = openBulkSender(engine, alias, { ...QUICKLY, patience: 60_000 });
      const failures = await Promise.all(
        Array.from({ length: 8 }, (_, place) =>
          sender.send(documents(place, place + 1)).catch((error: unknown) => error),
        ),
      );
      for (const failure of failures) expect(failure).toMatchObject({ exitCode: 18, kind: "blocked" });
      await engine.changeSettings(alias, { "blocks.read_only_allow_delete": null });
    });

    test("a gateway's limit is found, remembered, and only a document beyond it refused", async ({
      faulty,
      alias,
    }) => {
      const limit = 100_000;
      const refusal: SearchFault = {
        kind: "answer",
        status: 413,
        body: { Message: "Request size exceeded 100000 bytes" },
      };
      const { engine, proxy } = await faulty(
        onBulk(({ body }) => (body.byteLength > limit ? refusal : undefined)),
      );
      await engine.createIndex(alias, BODY);
      const sender = openBulkSender(engine, alias, QUICKLY);
      const body = Buffer.concat([
        documents(0, 50, 10_000),
        documents(50, 51, 150_000),
        documents(51, 60, 10_000),
      ]);
      const outcome = await sender.send(body);
      expect(outcome).toMatchObject({ accepted: 59, conflicts: 0, refusedCount: 1 });
      expect(outcome.refused).toMatchObject([{ id: "id-50", status: 413 }]);
      expect(await countOf(engine, alias)).toBe(59);
      expect(sender.maxRequestBytes).toBeLessThanOrEqual(limit);
      const before = proxy.requests.filter(isBulk).length;
      await sender.send(documents(60, 90, 10_000));
      const later = proxy.requests.filter(isBulk).slice(before);
      for (const request of later) expect(request.body.byteLength).toBeLessThanOrEqual(limit);
      expect(later.flatMap((request) => itemsOf(request.body))).toHaveLength(30);
    });

    test("a signal ends a request, a wait for a try, and a wait for a turn", async ({ faulty, alias }) => {
      const reason = new Error("enough");
      const aborting = new AbortController();
      const { engine, proxy } = await faulty(
        onBulk(({ count }) => {
          if (count === 2) setTimeout(() => aborting.abort(reason), 50);
          return count === 1 ? { ...TOO_MANY, headers: { "retry-after": "50" } } : { kind: "stall" };
        }),
      );
      await engine.createIndex(alias, BODY);
      const { backoff: _quickly, ...options } = QUICKLY;
      const sender = openBulkSender(engine, alias, { ...options, jobs: 2 });
      const { signal } = aborting;
      const batches = Array.from({ length: 4 }, (_, place) =>
        sender.send(documents(place, place + 1), { signal }),
      );
      const results = await Promise.allSettled(batches);
      for (const result of results) expect(result).toEqual({ status: "rejected", reason });
      expect(proxy.requests.filter(isBulk).length).toBeLessThanOrEqual(3);
    });

    test("neither a password nor a document is in what is thrown", async ({ faulty, alias }) => {
      const told = "The Canonical String should have been 'x-amz-security-token:s3ntinel-token'";
      const { engine } = await faulty(
        onBulk(({ count }) =>
          count === 1 ? { kind: "answer", status: 403, body: { message: told } } : { kind: "reset" },
        ),
      );
      await engine.createIndex(alias, BODY);
      const secret = ndjson({ index: { _id: "1" } }, { name: "s3ntinel-document" });
      for (let round = 0; round < 2; round += 1) {
        const failure: unknown = await engine.bulk(alias, secret).catch((error: unknown) => error);
        const shown = inspect(failure, { depth: 20, showHidden: true }) + JSON.stringify(failure);
        expect(failure).toSatisfy((error) => isSearchError(error));
        // The client's own errors hold the request.
        expect(failure).not.toHaveProperty("cause");
        expect(shown).not.toContain("s3ntinel");
      }
    });
  });
}

const NO_MANAGER = {
  error: {
    type: "cluster_block_exception",
    reason: "blocked by: [SERVICE_UNAVAILABLE/2/no master];",
  },
  status: 503,
};

function onBulk(rule: (request: Parameters<SearchFaultRule>[0]) => SearchFault | undefined): SearchFaultRule {
  return (request) => (isBulk(request) ? rule(request) : undefined);
}

function isBulk({ path }: { path: string }): boolean {
  return path.endsWith("/_bulk");
}

async function countOf(engine: SearchEngine, index: string): Promise<number> {
  await engine.refresh(index);
  return engine.count(index);
}
