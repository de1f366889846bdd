import { DataopsError } from "../errors.ts";
import type { IndexDefinition } from "./index-definition.ts";
import { type IndexMark, newMark, readMark, withMark } from "./index-mark.ts";
import { indexNameOf } from "./index-name.ts";
import type { IndexFacts, JsonObject, SearchEngine, SearchOptions } from "./search-engine.ts";
import { isSearchError, SearchError } from "./search-error.ts";

/** While an index is loaded nobody searches it: no refreshes, and no copies that would index everything again. */
const WHILE_LOADING = {
  refresh_interval: "-1",
  number_of_replicas: 0,
  auto_expand_replicas: false,
} as const;

/** Of an engine over several zones (Amazon's with a standby, for one) that takes no index without a copy in each. */
const COPIES_PATTERN = /awareness attributes/;

/** Milliseconds that the copies of a finished index are waited for, by default. */
const COPIES_TIMEOUT = 60_000;

/**
 * Creates the index that a run fills, without refreshes, and without replicas where the engine allows that.
 *
 * @returns its name
 * @throws SearchError `already-exists`, `rejected` where the engine does not take the definition
 */
export async function startIndex(
  engine: SearchEngine,
  build: { alias: string; run: string; definition: IndexDefinition },
  options?: SearchOptions,
): Promise<string> {
  const { alias, run, definition } = build;
  const name = indexNameOf(alias, run);
  const { mappings, settings, digest } = definition;
  const mark = newMark({ alias, run, digest, restore: settingsToRestore(settings) });
  const marked = { ...mappings, _meta: withMark(metaOf(mappings), mark) };
  const create = (whileLoading: JsonObject): Promise<void> =>
    engine.createIndex(name, { mappings: marked, settings: { ...settings, ...whileLoading } }, options);
  try {
    await create(WHILE_LOADING);
  } catch (error) {
    if (!isSearchError(error, "rejected") || !COPIES_PATTERN.test(error.message)) throw error;
    const { refresh_interval } = WHILE_LOADING;
    await create({ refresh_interval });
  }
  return name;
}

/**
 * Sees whether a run's half-built index can be gone on with.
 *
 * @returns why not: it is gone, was finished, or was made from other files; undefined where it can
 */
export async function whyNotResume(
  engine: SearchEngine,
  build: { alias: string; run: string; digest: string },
  options?: SearchOptions,
): Promise<string | undefined> {
  const name = indexNameOf(build.alias, build.run);
  const [facts] = await engine.findIndexes(name, options);
  const mark = facts === undefined ? undefined : readMark(facts);
  if (mark === undefined) return `the index ${name} is gone`;
  if (mark.finished !== null) return `the index ${name} was finished already`;
  if (mark.digest !== build.digest) return `${name} was made from another mapping or other settings`;
  return undefined;
}

/**
 * Gives a loaded index its settings back, refreshes it, waits for its copies, and marks it finished: from then on it may carry
 * the alias. Doing it twice does no harm.
 *
 * @param options.copiesTimeout milliseconds; longer than that nobody waits for copies
 * @returns whether all copies were made in time
 * @throws DataopsError `reindexFailed` where the index was deleted or made again under us
 */
export async function finishIndex(
  engine: SearchEngine,
  name: string,
  options: SearchOptions & { copiesTimeout?: number; now?: Date } = {},
): Promise<boolean> {
  const { facts, mark } = await requireOwn(engine, name, options);
  await engine.changeSettings(name, mark.restore, options);
  await engine.refresh(name, options);
  const isCopied = await engine.waitForCopies(name, options.copiesTimeout ?? COPIES_TIMEOUT, options);
  const finished = (options.now ?? new Date()).toISOString();
  await engine.changeMeta(name, withMark(facts.meta, { ...mark, finished }), options);
  return isCopied;
}

/**
 * The index with its mark.
 *
 * @throws DataopsError `reindexFailed` where it is not there, or not ours: an engine makes an index by itself when something
 * writes to one that was deleted
 */
export async function requireOwn(
  engine: SearchEngine,
  name: string,
  options?: SearchOptions,
): Promise<{ facts: IndexFacts; mark: IndexMark }> {
  const [facts] = await engine.findIndexes(name, options);
  if (facts === undefined) {
    throw new SearchError("not-found", `the index ${name} is not in ${engine.url} any more`, {
      hint: "somebody deleted it; start the reindex again",
    });
  }
  const mark = readMark(facts);
  if (mark !== undefined) return { facts, mark };
  throw new DataopsError(
    "reindexFailed",
    `the index ${name} in ${engine.url} is not the one that was made for it`,
    {
      hint: "somebody deleted it while it was filled; delete what is there now, and start the reindex again",
    },
  );
}

/** What each setting that is otherwise while loading is to be after: as the team has it, else its default. */
function settingsToRestore(settings: JsonObject): IndexMark["restore"] {
  const keys = Object.keys(WHILE_LOADING);
  return Object.fromEntries(keys.map((key) => [key, plainValue(settings[key])]));
}

function plainValue(value: unknown): string | number | boolean | null {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

function metaOf(mappings: JsonObject): JsonObject {
  const meta = mappings["_meta"];
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- any object of JSON is one
  return typeof meta === "object" && meta !== null && !Array.isArray(meta) ? (meta as JsonObject) : {};
}
