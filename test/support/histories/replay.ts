import { Readable } from "node:stream";
import { messageOf } from "../../../src/errors.ts";
import { copyIn } from "../../../src/postgres/copy-in.ts";
import type { PostgresClient } from "../../../src/postgres/client.ts";
import type { TestDatabase } from "../postgres-test.ts";
import type { History, OpenTransaction, Statement } from "./model.ts";

/** Plays histories in one database, each in its own schema, step by step. */
export class Replay implements AsyncDisposable {
  readonly #database: TestDatabase;
  readonly #client: PostgresClient;
  readonly #histories: readonly History[];
  /** Those that are to end, with their connections. */
  #open: { transaction: OpenTransaction; client: PostgresClient; history: History }[] = [];
  #step = 0;

  private constructor(database: TestDatabase, client: PostgresClient, histories: readonly History[]) {
    this.#database = database;
    this.#client = client;
    this.#histories = histories;
  }

  static async start(database: TestDatabase, histories: readonly History[]): Promise<Replay> {
    return new Replay(database, await database.connect(), histories);
  }

  /** Ends what is still open, makes the next changes of all histories, and opens the transactions that stay open. */
  async next(): Promise<void> {
    await this.end("after");
    const index = this.#step;
    this.#step += 1;
    for (const history of this.#histories) {
      for (const statement of history.steps[index]?.statements ?? []) {
        await this.#run(this.#client, history, statement);
      }
    }
    for (const history of this.#histories) {
      const transaction = history.steps[index]?.open;
      if (transaction === undefined) continue;
      const client = await this.#database.connect();
      this.#open.push({ transaction, client, history });
      await client.query("BEGIN");
      for (const statement of transaction.statements) await this.#run(client, history, statement);
    }
  }

  /** Ends the open transactions whose time has come. */
  async end(when: OpenTransaction["ends"]): Promise<void> {
    const ending = this.#open.filter(({ transaction }) => transaction.ends === when);
    this.#open = this.#open.filter(({ transaction }) => transaction.ends !== when);
    for (const { transaction, client, history } of ending) {
      await this.#run(client, history, { sql: transaction.how, about: "the open transaction" });
      await client[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.#client, ...this.#open.map(({ client }) => client)].map((client) =>
        client[Symbol.asyncDispose](),
      ),
    );
  }

  async #run(client: PostgresClient, { seed }: History, { sql, input, about }: Statement): Promise<void> {
    try {
      if (input === undefined) await client.query(sql);
      else
        await copyIn(client, sql, Readable.from([{ bytes: Buffer.from(input), release: () => undefined }]));
    } catch (error) {
      const where = `seed ${seed}, step ${this.#step}, ${JSON.stringify(about)}`;
      throw new Error(
        `a statement of the test's own failed: ${where}: ${messageOf(error)}: ${sql.slice(0, 2000)}`,
        { cause: error },
      );
    }
  }
}
