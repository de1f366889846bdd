import { expect, test } from "vitest";
import { watchStaleness } from "../../../src/commands/watch-staleness.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { commandContext } from "../../support/command-context.ts";
import { answerOk, startReceiver } from "../../support/http-receiver.ts";
import { storeBackup } from "../../support/stored-backups.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const HOUR = 3_600_000;

test("a stale backup is told once, and once more the next day; a fresh one ends it", async () => {
  await using receiver = await startReceiver(answerOk);
  const folder = await temporaryFolder("staleness");
  const storage = openFileStorage(folder);
  const clock = new VirtualClock("2026-11-21T04:00:00Z");
  const context = await commandContext(
    `storage: file://${folder}
databases: { production: { url: postgres://localhost/app, environment: production } }
backup: { production: { maxAge: 9h } }
notify: [{ slack: "${receiver.origin}/hook" }]
`,
    { now: () => clock.now() },
  );
  await storeBackup(storage, "2026-11-21T03:00:00.000Z");
  const stop = new AbortController();
  const config = await context.config();
  const watching = watchStaleness({ config, storage, clock, stop: stop.signal }, context);
  const toldAfter = async (milliseconds: number, times: number): Promise<void> => {
    for (let passed = 0; passed < milliseconds; passed += HOUR / 2) {
      await clock.asleep();
      await clock.pass(HOUR / 2);
    }
    await clock.asleep();
    expect(receiver.received).toHaveLength(times);
  };
  await toldAfter(7.5 * HOUR, 0);
  await toldAfter(2 * HOUR, 1);
  expect(receiver.received[0]?.body).toContain("stale");
  await toldAfter(20 * HOUR, 1);
  await toldAfter(5 * HOUR, 2);
  await storeBackup(storage, new Date(clock.now()).toISOString());
  await toldAfter(8 * HOUR, 2);
  stop.abort();
  await watching;
});
