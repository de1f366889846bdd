import { expect, test } from "vitest";
import { runShow } from "../../../src/commands/show.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { commandContext } from "../../support/command-context.ts";
import { idAt, storeBackup } from "../../support/stored-backups.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const FIRST = "2026-11-21T04:00:00.000Z";
const SECOND = "2026-11-21T08:00:00.000Z";

test.for([
  ["all of its own", FIRST, [`${idAt(FIRST)}-1`], /^blocks +0 tables in 1 pack of \d+ bytes$/m],
  [
    "some of earlier backups",
    SECOND,
    [`${idAt(FIRST)}-1`, `${idAt(FIRST)}-2`, `${idAt(SECOND)}-1`],
    /^blocks +0 tables in 3 packs of \d+ bytes, 2 of earlier backups$/m,
  ],
] as const)("show says whose packs a backup needs: %s", async ([, started, packs, told]) => {
  const folder = await temporaryFolder("show");
  await storeBackup(openFileStorage(folder), started, { packs });
  const { text } = await runShow({ id: idAt(started) }, await commandContext(`storage: file://${folder}\n`));
  expect(text).toMatch(told);
});
