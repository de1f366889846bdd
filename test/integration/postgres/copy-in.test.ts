import { expect } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { copyIn, type CopyChunk } from "../../../src/postgres/copy-in.ts";
import { test } from "../../support/postgres-test.ts";

const applicationName = "dataops-test";

test("a chunk is released when it is on its way, and all of it arrives", async ({ database }) => {
  await using client = await connect(database.settings, { applicationName });
  await client.query("CREATE TABLE lines (line text)");
  const released: number[] = [];
  async function* chunks(): AsyncGenerator<CopyChunk, void, void> {
    for (let index = 0; index < 20; index += 1) {
      const bytes = Buffer.alloc(1_500_000, `${"x".repeat(99)}\n`);
      // What is read from here on is not what was sent.
      yield { bytes, release: () => void (bytes.fill(0), released.push(index)) };
    }
  }
  const rows = await copyIn(client, "COPY lines FROM STDIN", chunks());
  expect(rows).toBe(300_000);
  expect(released).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(await client.query("SELECT count(*), min(line) = max(line) AS same FROM lines")).toEqual([
    { count: "300000", same: true },
  ]);
});
