/**
 * What `promise` comes to, but no longer than until the signal fires: whoever works at it may not heed the signal.
 *
 * @throws the signal's reason when it fires; else what `promise` throws
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // It may still fail, and nobody is there to be told.
    promise.catch(() => undefined);
  }
}
