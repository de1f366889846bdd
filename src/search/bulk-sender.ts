import type { Reporter } from "../observe/reporter.ts";
import { type Backoff, backOff, backoffDelay, DEFAULT_BACKOFF } from "./backoff.ts";
import { countItems, cutBody, idOf, itemsOf, pickItems } from "./bulk-items.ts";
import { makeConcurrencyLimit } from "./concurrency-limit.ts";
import { makePlaces } from "./places.ts";
import { isTransient } from "./retrying.ts";
import type { BulkAnswer, BulkOptions, RefusedDocument, SearchEngine } from "./search-engine.ts";
import { isSearchError, type SearchError } from "./search-error.ts";

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
  /** Milliseconds without any success after which it gives up. */
  patience?: number;
  backoff?: Backoff;
  reporter?: Reporter | undefined;
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
   * Items must carry an id, and an external version where an older one must not win: a batch may be sent more than once, and
   * an item whose answer was lost then counts as a conflict.
   *
   * @throws SearchError `blocked` (a full disk: exit 18, at once), `overloaded` or `unreachable` (after some minutes of
   * trying), `not-permitted`, `rejected`; all later calls then fail alike
   */
  send(body: Uint8Array, options?: BulkOptions): Promise<BulkOutcome>;
}

/** Below the 10 MiB that Amazon's small domains take; more brings no speed. */
const MAX_REQUEST_BYTES = 8_000_000;
/** An engine that is started again is back by then. */
const PATIENCE = 300_000;
const MAX_REFUSED = 1_000;
/** HTTP's, for a document that is too large for any request. */
const TOO_LARGE = 413;

/** Makes a sender to one index. It holds nothing but what is given to it. */
export function openBulkSender(engine: SearchEngine, index: string, options: BulkSenderOptions): BulkSender {
  const backoff = options.backoff ?? DEFAULT_BACKOFF;
  const patience = options.patience ?? PATIENCE;
  const concurrency = makeConcurrencyLimit(options.jobs);
  const places = makePlaces(() => concurrency.limit);
  let maxRequestBytes = options.maxRequestBytes ?? MAX_REQUEST_BYTES;
  let lastSuccess = 0;
  let failure: unknown;

  /** One request in its turn. */
  async function request(piece: Buffer, options: BulkOptions): Promise<BulkAnswer> {
    await places.enter(options.signal);
    const { round } = concurrency;
    try {
      if (failure !== undefined) throw failure;
      const answer = await engine.bulk(index, piece, options);
      if (answer.overloaded.length === 0) concurrency.succeeded();
      else concurrency.overloaded(round);
      return answer;
    } catch (error) {
      if (isSearchError(error, "overloaded")) concurrency.overloaded(round);
      throw error;
    } finally {
      places.leave();
    }
  }

  async function sendAll(body: Buffer, { signal, items }: BulkOptions): Promise<BulkOutcome> {
    const outcome = { accepted: 0, conflicts: 0, refusedCount: 0, refused: [] as RefusedDocument[] };
    const started = Date.now();
    /** How often in a row nothing came of it. */
    let tries = 0;
    let hasRenewed = false;

    const waitAfter = async (error: SearchError | undefined): Promise<void> => {
      tries += 1;
      const wait = backoffDelay(backoff, tries, error?.retryAfter);
      const why = error?.message ?? "the engine has too much to do";
      options.reporter?.info(`trying again in ${(wait / 1000).toFixed(1)} s: ${why}`, { attempt: tries });
      await backOff(backoff, wait, signal);
    };
    const refuse = (refused: readonly RefusedDocument[]): void => {
      outcome.refusedCount += refused.length;
      outcome.refused.push(...refused.slice(0, MAX_REFUSED - outcome.refused.length));
    };
    /** What is left to be done of a piece after one request. */
    const sendPiece = async (piece: Buffer): Promise<Buffer[]> => {
      try {
        const answer = await request(piece, { signal, items: piece === body ? items : undefined });
        outcome.accepted += answer.accepted;
        outcome.conflicts += answer.conflicts;
        refuse(answer.refused.map(({ id, reason, status }) => ({ id, reason, status })));
        hasRenewed = false;
        if (answer.overloaded.length === 0) {
          lastSuccess = Date.now();
          tries = 0;
          return [];
        }
        const isStuck = answer.overloaded.length === countItems(piece);
        if (!isStuck) lastSuccess = Date.now();
        await waitAfter(undefined);
        return [pickItems(piece, answer.overloaded)];
      } catch (error) {
        if (!isSearchError(error)) throw error;
        if (error.kind === "too-large") return halve(piece, refuse);
        if (error.kind === "expired" && !hasRenewed) {
          hasRenewed = true;
          return [piece];
        }
        const isOver = Date.now() - Math.max(started, lastSuccess) > patience;
        if (!isTransient(error) || isOver) throw error;
        await waitAfter(error);
        return [piece];
      }
    };

    const pieces = [body];
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
      // What is too large may have been learned from another batch meanwhile.
      const [first, ...rest] = cutBody(piece, maxRequestBytes);
      pieces.unshift(...rest);
      if (first !== undefined && first.byteLength > 0) pieces.unshift(...(await sendPiece(first)));
    }
    return outcome;
  }

  /** Two halves of what was too large, and smaller requests from now on; a single item is refused. */
  function halve(piece: Buffer, refuse: (refused: readonly RefusedDocument[]) => void): Buffer[] {
    const items = itemsOf(piece);
    const [only] = items;
    if (only !== undefined && items.length === 1) {
      const reason = `the engine takes no request of ${piece.byteLength} bytes`;
      refuse([{ id: idOf(piece, only), reason, status: TOO_LARGE }]);
      return [];
    }
    const half = Math.ceil(piece.byteLength / 2);
    if (half < maxRequestBytes) {
      maxRequestBytes = half;
      options.reporter?.info(
        `the engine takes no request of ${piece.byteLength} bytes: sending at most ${half}`,
      );
    }
    return cutBody(piece, half);
  }

  return {
    get maxRequestBytes() {
      return maxRequestBytes;
    },
    get concurrency() {
      return concurrency.limit;
    },
    send: async (body, options = {}) => {
      try {
        return await sendAll(Buffer.from(body.buffer, body.byteOffset, body.byteLength), options);
      } catch (error) {
        options.signal?.throwIfAborted();
        failure ??= error;
        throw error;
      }
    },
  };
}
