/**
 * Asks once for all who ask at the same time, and keeps the answer for `keep` milliseconds: a thousand requests are one look
 * at the storage. A failure is not kept, and is told to all who wait.
 */
export function sharedAnswer<T>(ask: () => Promise<T>, keep: number, now: () => number): () => Promise<T> {
  let asked: { answer: Promise<T>; at: number } | undefined;
  return () => {
    if (asked !== undefined && now() - asked.at < keep) return asked.answer;
    const current = { answer: ask(), at: Infinity };
    asked = current;
    current.answer.then(
      () => {
        current.at = now();
      },
      () => {
        if (asked === current) asked = undefined;
      },
    );
    return current.answer;
  };
}
