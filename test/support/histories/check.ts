import { openFileStorage } from "../../../src/storage/file.ts";
import { isDataopsError } from "../../../src/errors.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { comparePictures, takePicture, type Picture } from "../compare-databases.ts";
import { createDatabase, type TestDatabase } from "../postgres-test.ts";
import type { SharedPostgres } from "../shared-servers.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { StoredBlocks } from "../stored-blocks.ts";
import { BlockPaths, type BlockCounts } from "./block-paths.ts";
import { groupOf } from "./choice.ts";
import { planFates, type Fate } from "./fates.ts";
import { generateHistory } from "./generate.ts";
import { damagePack, leaveAsKilled } from "./misfortunes.ts";
import { Replay } from "./replay.ts";
import { backUp, environmentFor, restoredPicture, storageIn } from "./round-trip.ts";
import { stockPicture } from "./stock.ts";
import { compareTexts, readStockTexts } from "./stock-texts.ts";

/** Milliseconds between the starts of two backups, as they are told. */
const BETWEEN_BACKUPS = 60_000;

export interface CheckRequest {
  server: SharedPostgres;
  /** Of the histories, which share one database. */
  seeds: readonly number[];
  /** Backups of each. */
  steps: number;
}

export interface Checked {
  /** One line for each way in which a backup is not what the database was, with step, schema and table. */
  differences: string[];
  counts: BlockCounts;
}

/** A backup that is to be restored. */
interface Taken {
  step: number;
  manifest: Manifest;
  /** What the database was. */
  picture: Picture;
}

/**
 * Plays histories, and backs up after each step. The blocks of each backup are held against a COPY of each table, and every
 * backup is restored and compared with what the database was when it was made: rows by sums of the server's own hashes,
 * the schema by stock pg_dump. The last one is compared with what stock pg_dump and pg_restore make of the database.
 */
export async function checkHistories(request: CheckRequest): Promise<Checked> {
  const { server, seeds, steps } = request;
  const folder = await temporaryFolder("histories");
  const database = await createDatabase(server);
  try {
    const major = await majorOfServer(database);
    const histories = seeds.map((seed) => generateHistory(seed, { major, steps }));
    await using replay = await Replay.start(database, histories);
    const check = new HistoriesCheck(database, folder, replay);
    const start = Date.now() - steps * BETWEEN_BACKUPS;
    for (const [step, fate] of planFates(groupOf(seeds[0] ?? 0), steps).entries()) {
      await check.step(fate, { step, isLast: step === steps - 1, now: start + step * BETWEEN_BACKUPS });
    }
    await check.restoreAll(() => true);
    return check.result();
  } finally {
    await database.drop();
  }
}

class HistoriesCheck {
  readonly #database: TestDatabase;
  readonly #folder: string;
  readonly #storage: Storage;
  readonly #replay: Replay;
  readonly #paths = new BlockPaths();
  readonly #differences: string[] = [];
  /** Backups that wait to be restored, so that later ones are made before. */
  #waiting: Taken[] = [];
  #last: Manifest | undefined;
  /** Whether a pack of the last one is, of which the next ones have to warn. */
  #isDamaged = false;

  constructor(database: TestDatabase, folder: string, replay: Replay) {
    this.#database = database;
    this.#folder = folder;
    this.#replay = replay;
    this.#storage = openFileStorage(storageIn(folder));
  }

  /** Makes the next changes and a backup, and looks at its blocks. */
  async step(
    fate: Fate,
    { step, isLast, now }: { step: number; isLast: boolean; now: number },
  ): Promise<void> {
    await this.#replay.next();
    await this.#damage(fate, step);
    const picture = isLast
      ? await stockPicture(this.#database, this.#folder)
      : await takePicture(this.#database.settings, environmentFor(this.#database.server));
    const texts = await readStockTexts(this.#database);
    let ending: Promise<void> | undefined;
    const { manifest, warnings } = await backUp(this.#database, {
      folder: this.#folder,
      format: fate.format,
      now,
      onReading: () => void (ending ??= this.#replay.end("during")),
    });
    await ending;
    if (isLast) await this.#replay.end("after");

    const blocks = new StoredBlocks(this.#storage, manifest);
    const expected = fate.format === "blocks" ? texts : new Map<string, string>();
    this.#note(step, await compareTexts(expected, blocks, manifest));
    this.#note(step, this.#judgeWarnings(warnings, fate));
    await this.#paths.add(blocks, manifest, fate.isKilled);
    if (fate.isKilled) {
      await leaveAsKilled(this.#storage, manifest);
      return;
    }
    this.#waiting.push({ step, manifest, picture });
    this.#last = manifest;
    this.#isDamaged = false;
  }

  /** Restores those of the waiting backups. */
  async restoreAll(which: (manifest: Manifest) => boolean): Promise<Taken[]> {
    const chosen = this.#waiting.filter(({ manifest }) => which(manifest));
    this.#waiting = this.#waiting.filter(({ manifest }) => !which(manifest));
    for (const { step, manifest, picture } of chosen) {
      try {
        const restored = await restoredPicture(this.#database.server, this.#folder, manifest);
        this.#note(step, comparePictures(withoutChosenNames(picture), withoutChosenNames(restored)));
      } catch (error) {
        this.#note(step, [`the restore failed: ${String(error)}`]);
      }
    }
    return chosen;
  }

  result(): Checked {
    const chains = this.#paths.chains().map((place) => `the dictionary at ${place} needs one itself`);
    return { differences: [...this.#differences, ...chains], counts: this.#paths.counts };
  }

  /** The backups that need the pack are restored before, and must be refused behind it. */
  async #damage(fate: Fate, step: number): Promise<void> {
    if (this.#last === undefined || fate.damage === "none") return;
    const packs = this.#last.blocks?.packs ?? [];
    const name = packs[fate.lot % packs.length]?.name;
    if (name === undefined) return;
    const lost = await this.restoreAll(
      ({ blocks }) => blocks?.packs.some((pack) => pack.name === name) ?? false,
    );
    this.#isDamaged = true;
    await damagePack(this.#storage, this.#last, name, fate.damage);
    for (const { manifest } of lost.slice(-1)) {
      const outcome = await restoredPicture(this.#database.server, this.#folder, manifest).then(
        () => "the restore went well",
        (error: unknown) => (isDataopsError(error, "corrupt") ? undefined : String(error)),
      );
      if (outcome !== undefined) this.#note(step, [`${manifest.id} without pack ${name}: ${outcome}`]);
    }
  }

  /** What is wrong with earlier backups is told, and nothing else is. */
  #judgeWarnings(warnings: readonly string[], { format }: Fate): string[] {
    const told = warnings.filter((text) => ABOUT_EARLIER.test(text));
    if (!this.#isDamaged) return told;
    return told.length > 0 || format === "archive" ? [] : ["nobody is told of the pack that is damaged"];
  }

  #note(step: number, differences: readonly string[]): void {
    this.#differences.push(...differences.map((difference) => `step ${step + 1}: ${difference}`));
  }
}

/**
 * The server chooses the names of NOT NULL constraints, by those that there are, and pg_dump leaves out the ones that it
 * would choose today: after renamings they come back as others.
 */
function withoutChosenNames(picture: Picture): Picture {
  const CHOSEN = /CONSTRAINT (?:"(?:[^"]|"")*"|[^\s"]+) NOT NULL/g;
  return new Map([...picture].map(([name, value]) => [name, value.replaceAll(CHOSEN, "NOT NULL")]));
}

/** Warnings that say that what earlier runs stored is not as it should be. */
const ABOUT_EARLIER = /anew|written whole|is not used/;

async function majorOfServer(database: TestDatabase): Promise<number> {
  await using client = await database.connect();
  const [row] = await client.query<{ major: number }>(
    "SELECT current_setting('server_version_num')::int / 10000 AS major",
  );
  return row?.major ?? 0;
}
