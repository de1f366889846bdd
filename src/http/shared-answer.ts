/**
 * Asks once for all who ask at the same time, and keeps the answer for `keep` milliseconds: a thousand requests are one look
 * at the storage. A failure is not kept, and is told to all who wait. `now` may jump: no answer lives longer for that.
 */
export function sharedAnswer<T>(ask: () => Promise<T>, keep: number, now: () => number): () => Promise<T> {
  let asked: { answer: Promise<T>; answeredAt: number | undefined } | undefined;
  return () => {
    if (asked !== undefined && isFresh(asked.answeredAt)) return asked.answer;
    const current: NonNullable<typeof asked> = { answer: ask(), answeredAt: undefined };
    asked = current;
    current.answer.then(
      () => {
        current.answeredAt = now();
      },
      () => {
        if (asked === current) asked = undefined;
      },
    );
    return current.answer;
  };

  function isFresh(answeredAt: number | undefined): boolean {
    // Nobody has answered yet: all wait for the same.
    if (answeredAt === undefined) return true;
    const age = now() - answeredAt;
    return age >= 0 && age < keep;
  }
}
