import type { BytesInFlight } from "../../bytes-in-flight.ts";
import type { BatchReader, Received, Text } from "./batch-reader.ts";
import { sizeOfBatch, type Batch } from "./plan-reads.ts";

/** Batches of one worker that are on their way while the one before them is loaded, if there is room for their bytes. */
const AHEAD = 4;

export interface ReadAheadOptions {
  /** Shared by all workers. */
  inFlight: BytesInFlight;
  signal: AbortSignal;
}

interface Coming {
  batch: Batch;
  received: Promise<Received>;
  release: () => void;
}

/**
 * The text of all batches in order, while the next ones are already on their way.
 *
 * @throws as `BatchReader` does
 */
export async function* readAhead(
  reader: BatchReader,
  batches: Iterable<Batch>,
  { inFlight, signal }: ReadAheadOptions,
): AsyncGenerator<Text, void, void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const rest = batches[Symbol.iterator]();
  const coming: Coming[] = [];
  const fill = (): void => {
    while (coming.length <= AHEAD) {
      const step = rest.next();
      if (step.done === true) return;
      coming.push(begin(reader, step.value, inFlight, either));
    }
  };
  let current: Coming | undefined;
  try {
    fill();
    for (current = coming.shift(); current !== undefined; current = coming.shift()) {
      const received = await current.received;
      fill();
      yield* reader.texts(current.batch, received, either);
      received.release();
      current.release();
    }
  } finally {
    stop.abort();
    const left = [current, ...coming].filter((each) => each !== undefined);
    await Promise.allSettled(left.map(({ received }) => received));
    for (const { release } of left) release();
  }
}

/** Sends a batch's requests as soon as there is room for what they bring. */
function begin(reader: BatchReader, batch: Batch, inFlight: BytesInFlight, signal: AbortSignal): Coming {
  let release = (): void => undefined;
  const received = inFlight.take(sizeOfBatch(batch), signal).then((giveBack) => {
    release = giveBack;
    return reader.receive(batch, signal);
  });
  // Who waits for it learns of its failure; before that nobody has to.
  received.catch(() => undefined);
  return { batch, received, release: () => release() };
}
