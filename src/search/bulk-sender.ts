import type { RefusedDocument, SearchEngine, SearchOptions } from "./search-engine.ts";

/** What became of one batch. */
export interface BulkOutcome {
  /** Items written or deleted. */
  accepted: number;
  /** Items not written because the index holds this version or a newer one: no error. */
  conflicts: number;
  /** Items that the engine does not take. */
  refusedCount: number;
  /** The first of them, at most 1,000. */
  refused: readonly RefusedDocument[];
}

export interface BulkSenderOptions {
  /** The most requests at the same time; the engine's 429 brings the number down for a while. */
  jobs: number;
  /** Bytes; larger batches are sent in pieces. */
  maxRequestBytes?: number;
}

/**
 * Sends batches of bulk items, some at the same time, and deals with what an engine does: it splits what is too large, and
 * remembers; waits and tries again where the engine is overloaded or away, with fewer requests at once; and fails where trying
 * again would not help.
 */
export interface BulkSender {
  /** Bytes; what the engine has been seen to take, or not yet to refuse. Batches of at most this size go out uncopied. */
  readonly maxRequestBytes: number;

  /** How many requests may be on their way at the moment; batches beyond wait their turn. */
  readonly concurrency: number;

  /**
   * Sends one batch. Resolves when the fate of each item is known: none is dropped silently.
   * `body` is NDJSON whose action lines name no index (`{"index":{"_id":"7"}}`); it belongs to the sender until then.
   * Items must carry an id, and an external version where an older one must not win: a batch may be sent more than once.
   *
   * @throws SearchError `blocked` (a full disk: exit 18, at once), `overloaded` or `unreachable` (after some minutes of
   * trying), `not-permitted`, `rejected`; all later calls then fail alike
   */
  send(body: Uint8Array, options?: SearchOptions): Promise<BulkOutcome>;
}

export type OpenBulkSender = (engine: SearchEngine, index: string, options: BulkSenderOptions) => BulkSender;
