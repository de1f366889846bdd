/**
 * A signal that fires `delay` milliseconds after the given one: for a request that is better answered than broken off,
 * since what it did must be known, and that must not take forever either.
 */
export function abortLater(signal: AbortSignal, delay: number): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    timer = setTimeout(() => controller.abort(signal.reason), delay);
  };
  signal.addEventListener("abort", start, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      signal.removeEventListener("abort", start);
      clearTimeout(timer);
    },
  };
}
