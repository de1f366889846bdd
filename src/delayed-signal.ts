/**
 * A signal that fires some milliseconds after another one, for the same reason: for what must not be broken off at once when the
 * program shall end. It never fires once it is disposed of.
 */
export function delayedSignal(
  signal: AbortSignal,
  milliseconds: number,
): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => controller.abort(signal.reason), milliseconds);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}
