import { publishArchive } from "./contenders/restores.ts";
import { dataopsBackup } from "./contenders/dataops.ts";
import { pgDumpCustom } from "./contenders/pg-dump.ts";
import type { RestoreContender } from "./contender.ts";
import type { Measurement } from "./measure.ts";
import type { Series } from "./results.ts";
import { wipe, type Stage } from "./stage.ts";
import { say } from "./say.ts";
import { turnsOf } from "./turns.ts";
import { verifyCopy } from "./verify.ts";

/** Has all contenders restore the source as it is, in turn, `runs` times; the first run of each is compared with the source. */
export async function playRestores(
  stage: Stage,
  contenders: readonly RestoreContender[],
  runs: number,
): Promise<Series[]> {
  if (contenders.length === 0) return [];
  say("Restore");
  await using _stored = await storeForAll(stage, contenders);
  return await takeTurns(stage, contenders, { runs });
}

/** Stores what the contenders fetch, and takes away again what no later scenario needs. */
async function storeForAll(stage: Stage, contenders: readonly RestoreContender[]): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const ids = new Set(contenders.map(({ id }) => id));
  if (ids.has("pg-restore")) {
    const dump = pgDumpCustom(stage);
    await dump.reset();
    await dump.run();
    stack.use(await publishArchive(stage, dump.archive));
    await dump.place.empty();
  }
  if (ids.has("fetch-archive")) {
    const archive = dataopsBackup(stage, { format: "archive", where: "S3" });
    await archive.reset();
    await archive.run();
    stack.defer(() => archive.place.empty());
  }
  const blocks = dataopsBackup(stage, { format: "blocks", where: "S3" });
  if ((ids.has("fetch-blocks") || ids.has("fetch-again")) && (await blocks.place.list()).size === 0) {
    await blocks.run();
    stack.defer(() => blocks.place.empty());
  }
  return stack.move();
}

/**
 * Runs each contender `runs` times, in changing order, and compares what the first run of each restored.
 *
 * @param expected by contender, the database of the source's server that it has to equal; the source where there is none
 */
export async function takeTurns(
  stage: Stage,
  contenders: readonly RestoreContender[],
  { runs, expected }: { runs: number; expected?: ReadonlyMap<string, string> },
): Promise<Series[]> {
  const results = new Map<string, Measurement[]>(contenders.map(({ id }) => [id, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const { id, database, prepare, run: restore } of turnsOf(contenders, run)) {
      await prepare();
      const measurement = await restore();
      results.get(id)?.push(measurement);
      say(`  ${id}: ${measurement.seconds.toFixed(1)} s`);
      const original = expected?.get(id);
      if (run === 0) {
        await verifyCopy(stage, id, {
          restored: database,
          ...(original === undefined ? {} : { expected: original }),
        });
      }
      await wipe(stage.target);
    }
  }
  return contenders.map(({ id, name }) => ({ id, name, runs: results.get(id) ?? [] }));
}
