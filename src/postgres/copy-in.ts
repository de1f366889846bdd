import { once } from "node:events";
import type { PostgresClient } from "./client.ts";

/** Bytes of one message: small enough for the server's buffer to stay small, large enough for few turns. */
const MAX_MESSAGE = 1024 * 1024;
/** Of a CopyData message: its type, and its length with the length itself. */
const HEADER_SIZE = 5;

/** Bytes to send. */
export interface CopyChunk {
  bytes: Uint8Array;
  /** Called when they are on their way, and needed no more; not after a failure. */
  release: () => void;
}

/**
 * Runs one `COPY … FROM STDIN` and sends it what `source` gives, no faster than the server takes it.
 *
 * Where `source` fails, the statement is ended without effect, and the source's error is thrown; the connection is good
 * for another statement after that.
 *
 * @returns how many rows the server took
 * @throws what the driver throws for a statement that failed; what `source` throws
 */
export async function copyIn(
  client: PostgresClient,
  sql: string,
  source: AsyncIterable<CopyChunk>,
): Promise<number> {
  const statement = new CopyInStatement(sql);
  client.raw.query(statement);
  const connection = await statement.started;
  if (connection === undefined) return await statement.rows;
  try {
    await send(connection, statement, source);
  } catch (error) {
    if (!statement.ended) connection.sendCopyFail("what was to be copied could not be read");
    await statement.rows.catch(() => undefined);
    throw error;
  }
  if (!statement.ended) connection.endCopyFrom();
  return await statement.rows;
}

async function send(
  { stream }: DriverConnection,
  statement: CopyInStatement,
  source: AsyncIterable<CopyChunk>,
): Promise<void> {
  for await (const { bytes, release } of source) {
    for (let start = 0; start < bytes.byteLength; start += MAX_MESSAGE) {
      // The server may have refused an earlier row.
      if (statement.ended) return;
      const end = start + MAX_MESSAGE;
      const part = bytes.subarray(start, end);
      stream.cork();
      stream.write(headerOf(part));
      const hasRoom = stream.write(part, (error) => {
        if (error == null && end >= bytes.byteLength) release();
      });
      stream.uncork();
      if (!hasRoom) await drained(stream, statement);
    }
  }
}

function headerOf({ byteLength }: Uint8Array): Buffer {
  const header = Buffer.allocUnsafe(HEADER_SIZE);
  header.write("d", 0, "latin1");
  header.writeInt32BE(byteLength + HEADER_SIZE - 1, 1);
  return header;
}

/** Waits until the connection takes more, or the statement has ended by itself. */
async function drained(stream: DriverConnection["stream"], statement: CopyInStatement): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    await Promise.race([statement.settled, once(stream, "drain", { signal }).catch(() => undefined)]);
  } finally {
    waiting.abort();
  }
}

type Driver = PostgresClient["raw"];

/** What the driver's own types leave out of its connection. */
type DriverConnection = Driver["connection"] & {
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
};

/** What the driver calls a query: it hands over each message that the server answers with. */
class CopyInStatement {
  /** The connection once the server waits for rows; undefined where the statement ended before that. */
  readonly started: Promise<DriverConnection | undefined>;
  /** How many rows were taken. */
  readonly rows: Promise<number>;
  /** Resolves when `rows` is settled, either way. */
  readonly settled: Promise<void>;
  ended = false;
  readonly #sql: string;
  readonly #start = Promise.withResolvers<DriverConnection | undefined>();
  readonly #rows = Promise.withResolvers<number>();
  #count = 0;

  constructor(sql: string) {
    this.#sql = sql;
    this.started = this.#start.promise;
    this.rows = this.#rows.promise;
    this.settled = this.rows.then(
      () => undefined,
      () => undefined,
    );
  }

  submit(connection: Driver["connection"]): void {
    connection.query(this.#sql);
  }

  handleCopyInResponse(connection: DriverConnection): void {
    this.#start.resolve(connection);
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#count = Number(/^COPY (\d+)$/.exec(text)?.[1]);
  }

  handleReadyForQuery(): void {
    this.#end();
    this.#rows.resolve(this.#count);
  }

  handleError(error: unknown): void {
    this.#end();
    this.#rows.reject(error);
  }

  #end(): void {
    this.ended = true;
    this.#start.resolve(undefined);
  }
}
