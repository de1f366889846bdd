/**
 * What `work` comes to, if that takes no longer than `milliseconds`, whatever it does with its signal.
 *
 * @throws Error where it takes longer; else what `work` throws
 */
export async function inTime<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const overdue = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Error(`it took longer than ${milliseconds / 1000} s`);
    reject(error);
    overdue.abort(error);
  }, milliseconds);
  try {
    return await Promise.race([work(overdue.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
