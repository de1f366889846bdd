import type { Duplex } from "node:stream";
import type { PostgresClient } from "./client.ts";
import { RowTap } from "./row-tap.ts";
import { statementError } from "./postgres-error.ts";

/** Takes what COPYs give. A promise that it returns keeps the server waiting until it is fulfilled. */
export interface CopyConsumer {
  /**
   * Takes the bytes of a row, or of a part of one: those of `chunk` from `start` up to, not including, `end`, which are valid
   * during the call only. What the connection had read by then may still come while a promise is pending.
   */
  data(chunk: Buffer, start: number, end: number): Promise<void> | undefined;
  /** The next statement's COPY is over: all of its `rows` came. */
  end(rows: number): Promise<void> | undefined;
}

/**
 * Runs COPYs to stdout, one after the other in one round trip, and hands their bytes to `consumer`.
 *
 * After a failure the connection is of no more use.
 *
 * @throws DataopsError as `PostgresClient.query` does; what `consumer` throws; after an abort: the signal's reason
 */
export async function runCopies(
  client: PostgresClient,
  statements: readonly string[],
  consumer: CopyConsumer,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const query = new CopyQuery(statements, consumer);
  const onAbort = (): void => query.abandon(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    client.raw.query(query);
    await query.ended;
  } catch (error) {
    signal.throwIfAborted();
    if (query.serverFailed) throw statementError(error, client.settings);
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** What the driver's connection is to a query, of which its types tell only a part. */
interface DriverConnection {
  query(text: string): void;
  readonly stream: Duplex;
}

/** A query in the driver's sense: it is told of each message from the server. */
class CopyQuery {
  readonly ended: Promise<void>;
  /** Whether the failure came from the server or its connection. */
  serverFailed = false;
  readonly #statements: readonly string[];
  readonly #consumer: CopyConsumer;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #connection: DriverConnection | undefined;
  #tap: RowTap | undefined;
  #abandoned = false;
  #pauses = 0;
  #completed = 0;

  constructor(statements: readonly string[], consumer: CopyConsumer) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#statements = statements;
    this.#consumer = consumer;
  }

  submit(connection: DriverConnection): void {
    this.#connection = connection;
    this.#tap = new RowTap(connection.stream, (chunk, start, end) => {
      if (!this.#abandoned) this.#giveBytes(chunk, start, end);
    });
    connection.query(this.#statements.join(";\n"));
  }

  /** The tap takes all rows: none comes this way. */
  handleCopyData(): void {
    this.abandon(new Error("a row came past the tap"));
  }

  handleCommandComplete({ text }: { text: string }): void {
    if (this.#abandoned) return;
    const rows = /^COPY (\d+)$/.exec(text)?.[1];
    if (rows === undefined) {
      this.abandon(new Error(`expected COPY's row count, got ${text}`));
      return;
    }
    this.#completed += 1;
    try {
      this.#waitFor(this.#consumer.end(Number(rows)));
    } catch (error) {
      this.abandon(error);
    }
  }

  handleReadyForQuery(): void {
    const missing = this.#statements.length - this.#completed;
    if (missing > 0 && !this.#abandoned) this.abandon(new Error(`${missing} COPYs did not end`));
    this.#tap?.remove();
    this.#resolve();
  }

  handleError(error: unknown): void {
    if (!this.#abandoned) this.serverFailed = true;
    this.abandon(error);
  }

  /** Fails the query, and drops what still comes. */
  abandon(error: unknown): void {
    this.#abandoned = true;
    this.#reject(error);
    this.#connection?.stream.resume();
  }

  /** Once for each row: makes nothing that would have to be collected. */
  #giveBytes(chunk: Buffer, start: number, end: number): void {
    try {
      this.#waitFor(this.#consumer.data(chunk, start, end));
    } catch (error) {
      this.abandon(error);
    }
  }

  /** The socket is not read while the consumer has its hands full, so that the server waits. */
  #waitFor(pending: Promise<void> | undefined): void {
    if (pending === undefined) return;
    this.#pauses += 1;
    this.#connection?.stream.pause();
    pending.then(
      () => {
        this.#pauses -= 1;
        if (this.#pauses === 0) this.#connection?.stream.resume();
      },
      (error: unknown) => this.abandon(error),
    );
  }
}
