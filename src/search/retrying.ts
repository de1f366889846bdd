import type { Reporter } from "../observe/reporter.ts";
import { type Backoff, backOff, backoffDelay } from "./backoff.ts";
import type { AliasAction, SearchEngine, SearchOptions } from "./search-engine.ts";
import { isSearchError, type SearchError } from "./search-error.ts";

export interface RetryOptions {
  backoff: Backoff;
  /** How often an operation is tried in all. */
  attempts: number;
  reporter?: Reporter | undefined;
}

/** With the default back-off about a minute in all. */
export const DEFAULT_ATTEMPTS = 7;

/**
 * Tries again what an engine was too busy for, or did not answer. Credentials that have expired get one more try, with fresh
 * ones. Where the answer of an earlier try was lost, it is found out whether that try had done it.
 *
 * Bulk requests pass unchanged: `openBulkSender` is who tries those again.
 */
export function retrying(engine: SearchEngine, retry: RetryOptions): SearchEngine {
  const again = <T>(
    options: SearchOptions | undefined,
    operation: (attempt: number) => Promise<T>,
  ): Promise<T> => tryAgain(retry, options, operation);

  return {
    url: engine.url,
    info: (options) => again(options, () => engine.info(options)),
    createIndex: (name, body, options) =>
      again(options, async (attempt) => {
        try {
          await engine.createIndex(name, body, options);
        } catch (error) {
          // Names hold a run's id: nobody else makes it.
          if (attempt === 1 || !isSearchError(error, "already-exists")) throw error;
        }
      }),
    deleteIndex: (name, options) => again(options, () => engine.deleteIndex(name, options)),
    changeSettings: (name, settings, options) =>
      again(options, () => engine.changeSettings(name, settings, options)),
    changeMeta: (name, meta, options) => again(options, () => engine.changeMeta(name, meta, options)),
    findIndexes: (pattern, options) => again(options, () => engine.findIndexes(pattern, options)),
    changeAliases: (actions, options) =>
      again(options, async (attempt) => {
        try {
          await engine.changeAliases(actions, options);
        } catch (error) {
          // Made already, it may be refused: there is no alias to remove, an adopted index's name is an alias.
          if (attempt === 1 || !isSearchError(error) || isTransient(error)) throw error;
          if (!(await isChanged(engine, actions, options))) throw error;
        }
      }),
    bulk: (index, body, options) => engine.bulk(index, body, options),
    refresh: (index, options) => again(options, () => engine.refresh(index, options)),
    count: (index, options) => again(options, () => engine.count(index, options)),
    readDocuments: (index, ids, options) => again(options, () => engine.readDocuments(index, ids, options)),
    waitForCopies: (index, timeout, options) =>
      again(options, () => engine.waitForCopies(index, timeout, options)),
    close: () => engine.close(),
  };
}

async function tryAgain<T>(
  { backoff, attempts, reporter }: RetryOptions,
  options: SearchOptions | undefined,
  operation: (attempt: number) => Promise<T>,
): Promise<T> {
  let hasRenewed = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation(attempt);
    } catch (error) {
      options?.signal?.throwIfAborted();
      if (!isSearchError(error)) throw error;
      if (error.kind === "expired" && !hasRenewed) {
        hasRenewed = true;
        continue;
      }
      if (!isTransient(error) || attempt >= attempts) throw error;
      const wait = backoffDelay(backoff, attempt, error.retryAfter);
      reporter?.info(`trying again in ${(wait / 1000).toFixed(1)} s: ${error.message}`, { attempt });
      await backOff(backoff, wait, options?.signal);
    }
  }
}

/** Whether another try may end otherwise. */
export function isTransient({ kind }: SearchError): boolean {
  return kind === "overloaded" || kind === "unreachable";
}

/** Whether the aliases are as the actions would have made them. */
async function isChanged(
  engine: SearchEngine,
  actions: readonly AliasAction[],
  options: SearchOptions | undefined,
): Promise<boolean> {
  const checks = actions.map(async (action) => {
    if ("removeIndex" in action) {
      const found = await engine.findIndexes(action.removeIndex.index, options);
      return found.every(({ name }) => name !== action.removeIndex.index);
    }
    const isAdd = "add" in action;
    const { index, alias } = isAdd ? action.add : action.remove;
    const [facts] = await engine.findIndexes(index, options);
    return (facts?.aliases.includes(alias) ?? false) === isAdd;
  });
  return (await Promise.all(checks)).every(Boolean);
}
