import { z } from "zod";
import { errorOf } from "./answer-error.ts";
import { type Ask, makeAsk, makeAskForBytes, parseAnswer } from "./ask.ts";
import { BULK_FIELDS, readBulkAnswer } from "./bulk-answer.ts";
import type { SearchHttp } from "./client.ts";
import { findIndexes } from "./find-indexes.ts";
import { readEngineInfo } from "./engine-info.ts";
import type { AliasAction, FoundDocument, JsonObject, SearchEngine, SearchOptions } from "./search-engine.ts";
import { isSearchError } from "./search-error.ts";

/** Bytes of an answer with documents. Asked for too many at once, they are asked for in halves. */
const MAX_DOCUMENTS_ANSWER = 32 * 1024 * 1024;
/** Milliseconds that the engine is asked to wait for copies in one request. */
const COPIES_STEP = 20_000;

export interface EngineSettings {
  /** For people, and for nothing else. */
  url: string;
  http: SearchHttp;
  /** Amazon's serverless collections look after refreshes and copies by themselves, and refuse to be told. */
  isServerless: boolean;
  /** Called when the engine said that the credentials have expired. */
  onExpired: () => void;
}

/** A search engine behind its HTTP interface. */
export function makeSearchEngine(settings: EngineSettings): SearchEngine {
  const { url, http, isServerless } = settings;

  const askForBytes = makeAskForBytes(http, settings.onExpired);
  const ask = makeAsk(askForBytes);

  return {
    url,
    info: (options) =>
      isServerless
        ? Promise.resolve({ distribution: "opensearch", version: "serverless" })
        : readEngineInfo(http, ask, url, options),

    createIndex: async (name, body, options) => {
      await ask(`creating the index ${name}`, { method: "PUT", path: indexPath(name), body }, options);
    },

    deleteIndex: async (name, options) => {
      try {
        await ask(`deleting the index ${name}`, { method: "DELETE", path: indexPath(name) }, options);
      } catch (error) {
        if (!isSearchError(error, "not-found")) throw error;
      }
    },

    changeSettings: async (name, settings, options) => {
      if (isServerless) return;
      // A full name is what may lift a block: others are refused by it.
      const named = Object.entries(settings).map(([key, value]) => [
        `index.${key.replace(/^index\./, "")}`,
        value,
      ]);
      const body: object = Object.fromEntries(named);
      const path = `${indexPath(name)}/_settings`;
      await ask(`changing settings of ${name}`, { method: "PUT", path, body }, options);
    },

    changeMeta: async (name, meta, options) => {
      const path = `${indexPath(name)}/_mapping`;
      await ask(`marking the index ${name}`, { method: "PUT", path, body: { _meta: meta } }, options);
    },

    findIndexes: (pattern, options) => findIndexes(ask, pattern, options),

    changeAliases: async (actions, options) => {
      const body = { actions: actions.map(aliasAction) };
      await ask(aliasWords(actions), { method: "POST", path: "/_aliases", body }, options);
    },

    bulk: async (index, body, options) => {
      const what = `writing to ${index}`;
      const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const query = { filter_path: BULK_FIELDS };
      const path = `${indexPath(index)}/_bulk`;
      const answer = await askForBytes(what, { method: "POST", path, query, body }, options);
      return readBulkAnswer(what, { body: bytes, items: options?.items }, answer);
    },

    refresh: async (index, options) => {
      if (isServerless) return;
      const path = `${indexPath(index)}/_refresh`;
      await ask(`refreshing ${index}`, { method: "POST", path }, options);
    },

    count: async (index, options) => {
      const what = `counting the documents of ${index}`;
      const answer = await ask(what, { method: "GET", path: `${indexPath(index)}/_count` }, options);
      return parseAnswer(what, countSchema, answer).count;
    },

    readDocuments: (index, ids, options) => readDocuments(ask, index, ids, options),

    waitForCopies: async (index, timeout, options) => {
      if (isServerless) return true;
      const deadline = Date.now() + timeout;
      for (;;) {
        const left = Math.max(0, Math.min(COPIES_STEP, deadline - Date.now()));
        if (await areCopiesThere(ask, index, left, options)) return true;
        if (Date.now() >= deadline) return false;
      }
    },

    close: () => http.close(),
  };
}

const countSchema = z.object({ count: z.int() });
const healthSchema = z.object({ timed_out: z.boolean() });
const documentsSchema = z.object({
  docs: z.array(
    z.object({
      _id: z.string(),
      found: z.boolean().optional(),
      _version: z.int().optional(),
      _source: z.unknown().optional(),
      error: z.object({ type: z.string().optional(), reason: z.string().nullish() }).optional(),
    }),
  ),
});

async function areCopiesThere(
  ask: Ask,
  index: string,
  timeout: number,
  options: SearchOptions | undefined,
): Promise<boolean> {
  const what = `waiting for the copies of ${index}`;
  const query = {
    wait_for_no_initializing_shards: "true",
    // The change that makes copies may still be on its way through the cluster.
    wait_for_events: "languid",
    timeout: `${timeout}ms`,
  };
  try {
    const path = `/_cluster/health/${encodeURIComponent(index)}`;
    const answer = await ask(what, { method: "GET", path, query }, options);
    return !parseAnswer(what, healthSchema, answer).timed_out;
  } catch (error) {
    // Its time was over.
    if (isSearchError(error) && error.status === 408) return false;
    throw error;
  }
}

async function readDocuments(
  ask: Ask,
  index: string,
  ids: readonly string[],
  options: SearchOptions | undefined,
): Promise<FoundDocument[]> {
  if (ids.length === 0) return [];
  const what = `reading documents of ${index}`;
  const path = `${indexPath(index)}/_mget`;
  const request = { method: "POST", path, body: { ids }, maxAnswerBytes: MAX_DOCUMENTS_ANSWER } as const;
  try {
    const { docs } = parseAnswer(what, documentsSchema, await ask(what, request, options));
    return docs.map(({ _id: id, _source: source, _version: version, error }) => {
      if (error !== undefined) {
        throw errorOf(what, { status: 500, type: error.type, reason: error.reason ?? "" }, undefined);
      }
      return { id, source, version };
    });
  } catch (error) {
    if (ids.length === 1 || !isSearchError(error, "too-large")) throw error;
    const middle = ids.length >> 1;
    const first = await readDocuments(ask, index, ids.slice(0, middle), options);
    return [...first, ...(await readDocuments(ask, index, ids.slice(middle), options))];
  }
}

/** A name that is one index's: a wildcard or a list would reach others. */
function indexPath(name: string): string {
  if (/^[_.-]|[*,/?#\s\\]/.test(name) || name === "")
    throw new TypeError(`not the name of one index: ${name}`);
  return `/${encodeURIComponent(name)}`;
}

function aliasAction(action: AliasAction): JsonObject {
  return "removeIndex" in action ? { remove_index: action.removeIndex } : action;
}

function aliasWords(actions: readonly AliasAction[]): string {
  const added = actions.flatMap((action) => ("add" in action ? [action.add] : []));
  const [{ alias, index } = { alias: "an alias", index: "nothing" }] = added;
  return `letting ${alias} stand for ${index}`;
}
