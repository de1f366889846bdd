import { type AliasState, type OwnIndex, readAlias } from "./alias-state.ts";
import type { SearchEngine, SearchOptions } from "./search-engine.ts";

/**
 * Deletes finished indexes of the alias that are older than the current one, but for the `keep` newest of them. Only what dataops
 * made for this alias and what carries no alias at all is ever deleted.
 *
 * @returns the names of those that were deleted
 */
export async function removeOldIndexes(
  engine: SearchEngine,
  alias: string,
  keep: number,
  options?: SearchOptions,
): Promise<string[]> {
  return removeAll(engine, oldIndexes(await readAlias(engine, alias, options), keep), options);
}

/** Which indexes `removeOldIndexes` deletes. Without a current index of ours nothing is old. */
export function oldIndexes({ current, kept }: AliasState, keep: number): OwnIndex[] {
  const [newest] = current.map(({ name }) => name).toSorted((left, right) => (left < right ? 1 : -1));
  if (newest === undefined) return [];
  const older = kept.filter(({ name }) => name < newest);
  return older.slice(keep).filter(hasNoAlias);
}

/**
 * Deletes indexes of the alias that were never finished, and whose runs do not live.
 *
 * @param isAlive whether the run of this id may still be filling its index
 * @returns the names of those deleted, and of those left to a run that lives
 */
export async function removeUnfinishedIndexes(
  engine: SearchEngine,
  alias: string,
  isAlive: (run: string) => Promise<boolean>,
  options?: SearchOptions,
): Promise<{ removed: string[]; alive: string[] }> {
  const { unfinished } = await readAlias(engine, alias, options);
  const lives = await Promise.all(unfinished.map(({ mark }) => isAlive(mark.run)));
  const alive = unfinished.filter((_, place) => lives[place] === true).map(({ name }) => name);
  const dead = unfinished.filter((index, place) => lives[place] !== true && hasNoAlias(index));
  return { removed: await removeAll(engine, dead, options), alive };
}

function hasNoAlias({ aliases }: OwnIndex): boolean {
  return aliases.length === 0;
}

async function removeAll(
  engine: SearchEngine,
  indexes: readonly OwnIndex[],
  options?: SearchOptions,
): Promise<string[]> {
  for (const { name } of indexes) await engine.deleteIndex(name, options);
  return indexes.map(({ name }) => name);
}
