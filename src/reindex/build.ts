import { setTimeout as sleep } from "node:timers/promises";
import { DataopsError, messageOf } from "../errors.ts";
import { humanCount, humanDuration } from "../observe/human.ts";
import { connect, type PostgresClient } from "../postgres/client.ts";
import { joinSnapshot, openSnapshot } from "../postgres/snapshot.ts";
import { readAlias } from "../search/alias-state.ts";
import { finishIndex } from "../search/build-index.ts";
import type { BulkSender } from "../search/bulk-sender.ts";
import { removeOldIndexes } from "../search/remove-indexes.ts";
import { swapAlias } from "../search/swap-alias.ts";
import { removeCheckpoint } from "./checkpoint.ts";
import { compareIndex, type Comparison } from "./compare.ts";
import { isNearEnough, MOST_PASSES_AFTER } from "./lag.ts";
import { planReading } from "./load-plan.ts";
import { sendPending } from "./pass.ts";
import type { IndexInProgress, ReindexPlan } from "./prepare.ts";
import { Refusals } from "./refusals.ts";
import type { ReindexDependencies, ReindexOutcome, ReindexRequest } from "./request.ts";
import { scanDocuments } from "./scan.ts";
import { Throttle } from "./throttle.ts";

/** Milliseconds that the checkpoint of a run that ends may take. */
const LAST_SAVE_TIMEOUT = 5_000;

/** One index that is being built. */
export class Build {
  readonly #dependencies: ReindexDependencies;
  readonly #request: ReindexRequest;
  readonly #plan: ReindexPlan;
  readonly #index: IndexInProgress;
  readonly #refusals: Refusals;
  readonly #throttle: Throttle;
  readonly #sender: BulkSender;
  #version: number;
  #passes = 0;
  /** Milliseconds that the last pass took, from its snapshot to the engine's last answer. */
  #lag = 0;
  #lagAtSwap = 0;
  #isPublished = false;

  constructor(
    dependencies: ReindexDependencies,
    request: ReindexRequest,
    plan: ReindexPlan,
    index: IndexInProgress,
  ) {
    this.#dependencies = dependencies;
    this.#request = request;
    this.#plan = plan;
    this.#index = index;
    this.#refusals = new Refusals(request.maxErrors);
    this.#throttle = new Throttle(request.maxDocsPerSecond, dependencies.now);
    this.#sender = dependencies.openBulkSender(dependencies.engine, index.name, { jobs: request.jobs });
    this.#version = index.version;
  }

  /** Loads the index, catches up until it is close behind, compares, and makes it ready to be searched. */
  async fill(): Promise<Comparison> {
    const { engine, run, reporter, random } = this.#dependencies;
    const { signal } = run;
    await this.#pass("load");
    this.#checkRefusals();
    const lags: number[] = [];
    while (!isNearEnough(lags)) {
      await this.#pass("catch-up");
      lags.push(this.#lag);
    }
    let comparison: Comparison | undefined;
    await this.#pass("compare", async (client) => {
      this.#checkRefusals();
      comparison = await compareIndex({
        engine,
        index: this.#index.name,
        source: this.#plan.source,
        table: this.#index.table,
        client,
        definition: this.#request.definition,
        refused: this.#refusals.count,
        signal,
        random,
      });
    });
    const areCopied = await finishIndex(engine, this.#index.name, { signal });
    if (!areCopied) reporter.warn(`the copies of ${this.#index.name} are not all made yet`);
    await this.#pass("catch-up");
    this.#checkRefusals();
    await engine.refresh(this.#index.name, { signal });
    if (comparison === undefined) throw new Error("the index was not compared");
    return comparison;
  }

  /** Lets the alias stand for the index. */
  async swap(): Promise<string[]> {
    const { engine, run, reporter } = this.#dependencies;
    const { alias, adopt } = this.#request;
    await run.confirm();
    this.#lagAtSwap = this.#lag;
    const previous = await this.#swapOrSee(() =>
      swapAlias(engine, alias, this.#index.name, { signal: run.signal, adopt }),
    );
    this.#isPublished = true;
    reporter.info(`${alias} stands for ${this.#index.name}`);
    return previous;
  }

  /** An engine whose answer was lost may have done it all the same. */
  async #swapOrSee(swap: () => Promise<string[]>): Promise<string[]> {
    const { engine, run } = this.#dependencies;
    try {
      return await swap();
    } catch (error) {
      const state = await readAlias(engine, this.#request.alias, { signal: run.signal }).catch(
        () => undefined,
      );
      const isDone = state?.kind === "alias" && state.current.every(({ name }) => name === this.#index.name);
      if (!isDone) throw error;
      return [...(state.own.find(({ name }) => name === this.#index.name)?.mark.previous ?? [])];
    }
  }

  /** Brings in what was written before the swap, and went to the old index. */
  async followUp(): Promise<void> {
    const { engine, run } = this.#dependencies;
    try {
      for (let pass = 0; pass < MOST_PASSES_AFTER; pass++) {
        const sent = await this.#pass("last catch-up");
        if (sent === 0) break;
      }
      await engine.refresh(this.#index.name, { signal: run.signal });
    } catch (error) {
      run.signal.throwIfAborted();
      const { alias } = this.#request;
      throw new DataopsError(
        "failed",
        `${alias} stands for the new index, which lacks the changes of its last seconds: ${messageOf(error)}`,
        { hint: `run it again, or go back with \`dataops reindex rollback ${alias}\``, cause: error },
      );
    }
  }

  /** What is done with goes. Nothing of it changes the outcome. */
  async cleanUp(): Promise<string[]> {
    const { engine, run, storage } = this.#dependencies;
    const { alias, keep } = this.#request;
    const { signal } = run;
    // Who may not delete from the storage may still delete indexes.
    await this.#tryToClear(removeCheckpoint({ storage, job: run.job, run: this.#index.run }, { signal }));
    return (await this.#tryToClear(removeOldIndexes(engine, alias, keep, { signal }))) ?? [];
  }

  /** Undefined where it failed, which is told. */
  async #tryToClear<T>(clearing: Promise<T>): Promise<T | undefined> {
    try {
      return await clearing;
    } catch (error) {
      this.#dependencies.reporter.warn(`something is left to delete: ${messageOf(error)}`);
      return undefined;
    }
  }

  outcome(): Omit<ReindexOutcome, keyof Comparison | "previous" | "removed" | "duration"> {
    return {
      index: this.#index.name,
      refused: this.#refusals.documents,
      refusedCount: this.#refusals.count,
      passes: this.#passes,
      lag: this.#lagAtSwap,
      method: this.#plan.catchUp.method,
      resumed: this.#index.isResumed,
    };
  }

  /**
   * One pass: a snapshot, a scan, and all that is pending. `inSnapshot` runs when the index is as the snapshot is.
   *
   * @returns how many documents were pending
   */
  async #pass(stage: string, inSnapshot?: (client: PostgresClient) => Promise<void>): Promise<number> {
    const { run, reporter, engine, now } = this.#dependencies;
    const { source, catchUp } = this.#plan;
    const { table, name } = this.#index;
    const { signal } = run;
    await using connections = new AsyncDisposableStack();
    const client = connections.use(await this.#connect());
    const began = now();
    const reading = { keepsSearchPath: true, lockTimeout: this.#request.lockTimeout };
    const snapshot = connections.use(await openSnapshot(client, reading));
    await scanDocuments(client, table, { source, catchUp, signal });
    const pending = table.pendingCount();
    // By ids each document has its own version, which an application that writes, too, makes necessary.
    const ranges = this.#isPublished ? undefined : await planReading(client, table, { source, catchUp });
    this.#version += 1;
    this.#passes += 1;
    await this.#saveCheckpoint();
    const clients = [client];
    if (ranges !== undefined && ranges.length > 1) {
      const second = connections.use(await this.#connect());
      await joinSnapshot(second, snapshot.id, reading);
      clients.push(second);
    }
    const progress = reporter.progress(stage, pending, "documents");
    try {
      await this.#savingNowAndThen(stage === "load", (either) =>
        sendPending(
          {
            engine,
            index: name,
            source,
            table,
            sender: this.#sender,
            refusals: this.#refusals,
            throttle: this.#throttle,
            progress,
            signal: either,
            connect: () => this.#connect(),
          },
          { clients, version: this.#version, isShared: this.#isPublished, ranges },
        ),
      );
    } finally {
      progress.end();
    }
    this.#lag = now() - began;
    reporter.info(`${stage}: ${humanCount(pending)} documents in ${humanDuration(this.#lag)}`);
    await inSnapshot?.(client);
    return pending;
  }

  /** Writes checkpoints beside `work`, and a last one after a load, also where it fails or is ended. */
  async #savingNowAndThen(isLoad: boolean, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#dependencies.run;
    const over = new AbortController();
    const failure = new AbortController();
    const saving = this.#saveEvery(this.#request.checkpointInterval, over.signal).catch((error: unknown) =>
      failure.abort(error),
    );
    try {
      await work(AbortSignal.any([signal, failure.signal]));
    } finally {
      over.abort();
      await saving;
      if (isLoad && !failure.signal.aborted)
        await this.#saveCheckpoint(AbortSignal.timeout(LAST_SAVE_TIMEOUT)).catch(() => undefined);
    }
  }

  async #saveEvery(interval: number, over: AbortSignal): Promise<void> {
    for (;;) {
      const isOver = await sleep(interval, false, { signal: over }).catch(() => true);
      if (isOver) return;
      await this.#saveCheckpoint();
    }
  }

  /** After the swap nobody goes on with the index. */
  async #saveCheckpoint(signal = this.#dependencies.run.signal): Promise<void> {
    if (this.#isPublished) return;
    await this.#index.checkpoint.write(this.#index.table, this.#version, { signal });
  }

  #connect(): Promise<PostgresClient> {
    const { run, environment } = this.#dependencies;
    return connect(this.#request.connection, {
      applicationName: `dataops:${run.id}`,
      signal: run.signal,
      environment,
    });
  }

  #checkRefusals(): void {
    for (const line of this.#refusals.describe()) this.#dependencies.reporter.warn(line);
    this.#refusals.check();
  }
}
