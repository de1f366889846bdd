import { DeliveryError } from "./delivery-error.ts";

/**
 * What `promise` comes to, but not for longer than the signal lasts, whatever is done with it there.
 *
 * @throws DeliveryError at the signal's end; else what `promise` throws
 */
export async function within<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    // One turn later: who heeds the signal knows better what it waited for.
    setImmediate(() => reject(new DeliveryError("it took too long", { isTransient: true })));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, ended]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Each may still fail, and nobody is there to be told.
    promise.catch(() => undefined);
    ended.catch(() => undefined);
  }
}
