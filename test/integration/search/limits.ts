import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { openBulkSender } from "../../../src/search/bulk-sender.ts";
import { isSearchError } from "../../../src/search/search-error.ts";
import { askEngine, documents, searchTest, TEST_MAPPINGS, TEST_SETTINGS } from "../../support/search-test.ts";
import type { SearchEngineName } from "../../support/search-servers.ts";
import { QUICKLY } from "./bulk-faults.ts";

const BODY = { mappings: TEST_MAPPINGS, settings: TEST_SETTINGS };
const MEBIBYTE = 1024 * 1024;
/** Milliseconds between two looks of the engine at its disk. */
const DISK_INTERVAL = 10_000;

/** What a real engine does at its own limits. */
export function describeLimits(name: SearchEngineName): void {
  const test = searchTest(name, {
    "http.max_content_length": "1mb",
    "cluster.info.update.interval": `${DISK_INTERVAL}ms`,
  });

  describe(`${name} at its limits`, () => {
    test("takes 1 MB at a time: larger batches go in pieces, a larger document is refused", async ({
      engine,
      alias,
    }) => {
      await engine.createIndex(alias, BODY);
      const sender = openBulkSender(engine, alias, { ...QUICKLY, patience: 20_000 });
      const body = Buffer.concat([
        documents(0, 400, 10_000),
        documents(400, 401, 2 * MEBIBYTE),
        documents(401, 500),
      ]);
      expect(body.byteLength).toBeGreaterThan(5 * MEBIBYTE);
      const outcome = await sender.send(body);
      expect(outcome).toMatchObject({ refusedCount: 1, refused: [{ id: "id-400", status: 413 }] });
      expect(outcome.accepted + outcome.conflicts).toBe(499);
      expect(sender.maxRequestBytes).toBeLessThanOrEqual(MEBIBYTE);
      expect(sender.maxRequestBytes).toBeGreaterThan(200_000);
      await engine.refresh(alias);
      expect(await engine.count(alias)).toBe(499);
    });

    test("blocks what is written when its disk is full, and takes it again when there is room", async ({
      engine,
      alias,
      search,
    }) => {
      await engine.createIndex(alias, BODY);
      const sender = openBulkSender(engine, alias, QUICKLY);
      await sender.send(documents(0, 10));
      await setWatermarks(search.url, ["0.001%", "0.002%", "0.003%"]);
      const failure = await writeUntilItFails((first) => sender.send(documents(first, first + 1)));
      expect(failure).toMatchObject({
        exitCode: 18,
        kind: "blocked",
        message: expect.stringContaining("disk"),
      });
      await setWatermarks(search.url, [null, null, null]);
      await engine.changeSettings(alias, { "blocks.read_only_allow_delete": null });
      const again = await openBulkSender(engine, alias, QUICKLY).send(documents(0, 20));
      expect(again.accepted + again.conflicts).toBe(20);
    });
  });
}

async function setWatermarks(url: string, [low, high, flood]: readonly (string | null)[]): Promise<void> {
  const prefix = "cluster.routing.allocation.disk.watermark";
  const transient = { [`${prefix}.low`]: low, [`${prefix}.high`]: high, [`${prefix}.flood_stage`]: flood };
  expect(await askEngine(url, "PUT", "/_cluster/settings", { transient })).toMatchObject({ status: 200 });
}

/** Writes until the engine has looked at its disk. */
async function writeUntilItFails(write: (first: number) => Promise<unknown>): Promise<unknown> {
  const deadline = Date.now() + 4 * DISK_INTERVAL;
  for (let first = 10; Date.now() < deadline; first += 1) {
    try {
      await write(first);
    } catch (error) {
      if (isSearchError(error)) return error;
      throw error;
    }
    await sleep(200);
  }
  throw new Error("the engine took all that was written");
}
