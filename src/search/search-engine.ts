/**
 * The one interface through which dataops speaks to a search engine: OpenSearch, Elasticsearch, or Amazon's managed ones.
 *
 * Its comments are the contract: `test/contract/search.ts` holds every engine to them.
 *
 * All methods take an AbortSignal and end soon after it fires, with its reason. All fail with a `SearchError`, whose kind says
 * what happened, and whose message holds neither a credential nor a document's content.
 */

export interface SearchOptions {
  signal?: AbortSignal | undefined;
}

export interface BulkOptions extends SearchOptions {
  /** How many items the body has, for whoever knows; else they are counted. The engine has to answer as many. */
  items?: number | undefined;
}

/** A JSON object as the engine takes or gives it. */
export type JsonObject = { readonly [key: string]: unknown };

export interface EngineInfo {
  distribution: "opensearch" | "elasticsearch";
  /** `2.19.1`. Amazon's serverless collections have none: `serverless`. */
  version: string;
}

/** What an index is created from. */
export interface IndexBody {
  mappings: JsonObject;
  settings: JsonObject;
}

/** One physical index, as the engine describes it. */
export interface IndexFacts {
  name: string;
  /** The engine's own id: another one after the index was deleted and made again. */
  uuid: string;
  /** The names that stand for it. */
  aliases: readonly string[];
  /** Milliseconds since the epoch. */
  created: number;
  /** Documents as of the last refresh; undefined where the index is closed. */
  documents: number | undefined;
  /** Of all copies; undefined where the index is closed. */
  bytes: number | undefined;
  /** `_meta` of its mapping; empty where there is none. */
  meta: JsonObject;
}

/** One step of an atomic change of aliases. */
export type AliasAction =
  | { add: { index: string; alias: string } }
  | { remove: { index: string; alias: string } }
  /** Deletes the index, so that an alias may take its name in the same change. A search under way in it may fail (HTTP 503). */
  | { removeIndex: { index: string } };

/** One document that was asked for by its id. */
export interface FoundDocument {
  id: string;
  /** Undefined where the index has no such document. */
  source: unknown;
  /** Of the stored document; undefined where there is none. */
  version: number | undefined;
}

/** A document that the engine does not take. */
export interface RefusedDocument {
  id: string;
  /** One line, without the document's values: `mapper_parsing_exception: failed to parse field [price] of type [long]`. */
  reason: string;
  /** As in HTTP: 400, 413. */
  status: number;
}

/** What became of each item of one bulk request, by its place in it. */
export interface BulkAnswer {
  /** Written or deleted; a delete of what is not there counts. */
  accepted: number;
  /** Not written, because the index holds this version or a newer one: what external versions are for. */
  conflicts: number;
  /** The places (from 0) of items that the engine had no room for at the moment: worth another try. */
  overloaded: readonly number[];
  /** Items that another try would not help. */
  refused: readonly (RefusedDocument & { place: number })[];
}

/** A search engine. One try for each request: `retrying` and `openBulkSender` are who try again. */
export interface SearchEngine {
  /** For people: `https://host:9200`, never with credentials. */
  readonly url: string;

  /** What answers. Fails with `unsupported` for engines older than OpenSearch 1 or Elasticsearch 7. */
  info(options?: SearchOptions): Promise<EngineInfo>;

  /** Creates an index; fails with `already-exists`, and with `rejected` where the engine does not take the mapping or the settings. */
  createIndex(name: string, body: IndexBody, options?: SearchOptions): Promise<void>;

  /** Deletes exactly this index, never through an alias or a wildcard; one that is not there is no error. */
  deleteIndex(name: string, options?: SearchOptions): Promise<void>;

  /** Changes settings of an index; null brings a setting's default back. */
  changeSettings(name: string, settings: JsonObject, options?: SearchOptions): Promise<void>;

  /** Replaces `_meta` of an index's mapping, whole. */
  changeMeta(name: string, meta: JsonObject, options?: SearchOptions): Promise<void>;

  /** The indexes of that name or with that alias, and those whose name matches it where it ends in `*`. None is no error. */
  findIndexes(pattern: string, options?: SearchOptions): Promise<IndexFacts[]>;

  /** All actions or none, in one change that searches never see half of. Fails with `not-found` where an index is gone. */
  changeAliases(actions: readonly AliasAction[], options?: SearchOptions): Promise<void>;

  /**
   * Sends one bulk request. `body` is NDJSON whose action lines name no index; it belongs to the engine until the promise settles.
   * Fails whole with `too-large`, `overloaded`, `blocked` (also where single items were stopped by a block) or `unreachable`; what
   * was written of it then is not known, so items must carry an id, and a version where an order counts.
   */
  bulk(index: string, body: Uint8Array, options?: BulkOptions): Promise<BulkAnswer>;

  /** Makes all that was written visible to searches and counts. */
  refresh(index: string, options?: SearchOptions): Promise<void>;

  /** Documents as of the last refresh. */
  count(index: string, options?: SearchOptions): Promise<number>;

  /** Documents by their ids, in the order asked for, as they are now, refreshed or not. */
  readDocuments(index: string, ids: readonly string[], options?: SearchOptions): Promise<FoundDocument[]>;

  /** Waits until no copy of the index is being made any more, at most `timeout` milliseconds; whether that is so. */
  waitForCopies(index: string, timeout: number, options?: SearchOptions): Promise<boolean>;

  /** Lets go of connections. */
  close(): Promise<void>;
}

/**
 * - `not-found`: no such index
 * - `already-exists`: `createIndex` found one
 * - `too-large`: the request has more bytes than the engine or what stands before it takes (HTTP 413)
 * - `overloaded`: it has too much to do (HTTP 429): worth another try, later and with less at once
 * - `blocked`: writing is blocked, mostly because a disk is full: another try would not help before somebody acts
 * - `expired`: the credentials have expired; the next try takes fresh ones where there are any
 * - `not-permitted`: credentials or grants
 * - `unreachable`: no answer, or one that says to come again (HTTP 502, 503, 504)
 * - `unsupported`: an engine that is too old, or none at all
 * - `rejected`: everything else; another try would end the same
 */
export type SearchErrorKind =
  | "not-found"
  | "already-exists"
  | "too-large"
  | "overloaded"
  | "blocked"
  | "expired"
  | "not-permitted"
  | "unreachable"
  | "unsupported"
  | "rejected";
