import { compareDatabases } from "../test/support/compare-databases.ts";
import { settingsFor } from "../test/support/postgres-servers.ts";
import type { BackupContender } from "./contender.ts";
import { recreate, SOURCE_DATABASE, TARGET_DATABASE, wipe, type Stage } from "./stage.ts";

/** At most so many differences are told. */
const TOLD_DIFFERENCES = 20;

/**
 * Holds a restored database against the source, or another database of the source's server.
 *
 * @throws Error with the differences
 */
export async function verifyCopy(
  stage: Stage,
  what: string,
  { restored, expected = SOURCE_DATABASE }: { restored: string; expected?: string },
): Promise<void> {
  const differences = await compareDatabases(
    settingsFor(stage.source, { database: expected }),
    settingsFor(stage.target, { database: restored }),
  );
  if (differences.length === 0) return;
  throw new Error(`${what}: the copy differs:\n${differences.slice(0, TOLD_DIFFERENCES).join("\n")}`);
}

/** Restores a contender's newest backup and holds it against the source. @throws Error with the differences */
export async function verifyBackup(stage: Stage, contender: BackupContender): Promise<void> {
  await wipe(stage.target);
  await recreate(stage.target, TARGET_DATABASE);
  await contender.restore(TARGET_DATABASE);
  await verifyCopy(stage, contender.id, { restored: TARGET_DATABASE });
  await wipe(stage.target);
}
