import { beforeEach, describe, expect, test } from "vitest";
import type { CommandContext } from "../../../src/commands/command.ts";
import { namedBackup } from "../../../src/commands/named-backup.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { commandContext } from "../../support/command-context.ts";
import { recordingReporter } from "../../support/restore-target.ts";
import { idAt, storeBackup } from "../../support/stored-backups.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const GOOD = "2026-11-21T04:00:00.000Z";
const SUSPECT = "2026-11-21T08:00:00.000Z";

let storage: Storage;
let context: CommandContext;
let said: string[];

beforeEach(async () => {
  const folder = await temporaryFolder("named");
  storage = openFileStorage(folder);
  await storeBackup(storage, GOOD);
  await storeBackup(storage, SUSPECT, { suspect: ["it has no rows"] });
  const reporter = recordingReporter();
  said = reporter.said;
  context = await commandContext(`storage: file://${folder}\n`, { reporter });
});

const found = async (id: string, from?: string): Promise<string> => {
  const { manifest } = await namedBackup(storage, { id, from }, context);
  return manifest.id;
};

describe("a backup is named", () => {
  test.for([
    ["by its id", idAt(SUSPECT), undefined],
    ["by the beginning of one", "20261121T08", undefined],
    ["with the database that it is of", "20261121T08", "production"],
  ] as const)("%s, good or not, without a word", async ([, id, from]) => {
    expect(await found(id, from)).toBe(idAt(SUSPECT));
    expect(said).toEqual([]);
  });

  test.for([undefined, "production"])("as the latest, which is a good one, of %s", async (from) => {
    expect(await found("latest", from)).toBe(idAt(GOOD));
    expect(said).toEqual([
      `${idAt(SUSPECT)} is newer and was passed over: it is suspect (it has no rows). The latest is ${idAt(GOOD)}`,
    ]);
  });

  test.for([
    ["latest", "elsewhere", /^no backup of elsewhere/, /dataops backup elsewhere/],
    ["20261121T04", "elsewhere", /^backup .* is of production, not of elsewhere$/, /^leave out --from$/],
    ["20261122", undefined, /^no backup 20261122 in/, /list/],
  ] as const)("and not found: %s of %s", async ([id, from, message, hint]) => {
    await expect(found(id, from)).rejects.toMatchObject({
      exit: "noSuchBackup",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });
});
