import { type IndexMark, readMark } from "./index-mark.ts";
import type { IndexFacts, SearchEngine, SearchOptions } from "./search-engine.ts";

/** An index that dataops made. */
export interface OwnIndex extends IndexFacts {
  mark: IndexMark;
}

/** What a name stands for in an engine, and what of ours lies beside it. */
export interface AliasState {
  alias: string;
  /** `free`: nothing has the name. `index`: a concrete index has it, and must be adopted before an alias can. */
  kind: "alias" | "index" | "free";
  /** What the alias stands for; of somebody else's making where it is not in `own`. Usually one. */
  current: readonly IndexFacts[];
  /** All indexes of ours for this alias, newest first. */
  own: readonly OwnIndex[];
  /** Those of ours that were finished and do not carry the alias: where a rollback may lead. Newest first. */
  kept: readonly OwnIndex[];
  /** Those of ours that were never finished: of a run that lives, or of one that left them. Newest first. */
  unfinished: readonly OwnIndex[];
}

/** Asks the engine what an alias stands for. */
export async function readAlias(
  engine: SearchEngine,
  alias: string,
  options?: SearchOptions,
): Promise<AliasState> {
  const [named, ours] = await Promise.all([
    engine.findIndexes(alias, options),
    engine.findIndexes(`${alias}-*`, options),
  ]);
  return judgeAlias(alias, named, ours);
}

/**
 * @param named the indexes of that name or with that alias
 * @param beside those whose names begin like ours
 */
export function judgeAlias(
  alias: string,
  named: readonly IndexFacts[],
  beside: readonly IndexFacts[],
): AliasState {
  const current = named.filter(({ aliases }) => aliases.includes(alias));
  const isIndex = named.some(({ name }) => name === alias);
  const own = beside
    .flatMap((index) => {
      const mark = readMark(index);
      return mark?.alias === alias ? [{ ...index, mark }] : [];
    })
    // A run's id begins with its start.
    .toSorted((left, right) => (left.name < right.name ? 1 : -1));
  const idle = own.filter(({ aliases }) => !aliases.includes(alias));
  return {
    alias,
    kind: isIndex ? "index" : current.length > 0 ? "alias" : "free",
    current,
    own,
    kept: idle.filter(({ mark }) => mark.finished !== null),
    unfinished: idle.filter(({ mark }) => mark.finished === null),
  };
}
