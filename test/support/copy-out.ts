import type pg from "pg";

/** The text that one `COPY … TO STDOUT` writes. */
export function copyOut(client: pg.Client, sql: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Uint8Array[] = [];
  const statement = {
    submit: (connection: pg.Connection) => connection.query(sql),
    // The driver uses its buffer again.
    handleCopyData: ({ chunk }: { chunk: Uint8Array }) => void chunks.push(Buffer.from(chunk)),
    handleCommandComplete: () => undefined,
    handleReadyForQuery: () => resolve(Buffer.concat(chunks)),
    handleError: reject,
  };
  client.query(statement);
  return promise;
}
