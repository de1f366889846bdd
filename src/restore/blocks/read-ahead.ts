import type { FrameReader, Received } from "./frames.ts";
import type { Read } from "./plan-reads.ts";

/**
 * The text of all reads in order, while the next `ahead` reads are already on their way.
 *
 * @throws as `FrameReader` does
 */
export async function* readAhead(
  reader: FrameReader,
  reads: readonly Read[],
  { ahead, signal }: { ahead: number; signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const rest = reads.values();
  const coming: { read: Read; received: Promise<Received> }[] = [];
  const fill = (): void => {
    while (coming.length <= ahead) {
      const step = rest.next();
      if (step.done === true) return;
      const received = reader.receive(step.value, either);
      // Who waits for it learns of its failure; before that nobody has to.
      received.catch(() => undefined);
      coming.push({ read: step.value, received });
    }
  };
  try {
    fill();
    for (let next = coming.shift(); next !== undefined; next = coming.shift()) {
      const received = await next.received;
      fill();
      yield* reader.texts(next.read, received, either);
    }
  } finally {
    stop.abort();
    await Promise.allSettled(coming.map(({ received }) => received));
  }
}
