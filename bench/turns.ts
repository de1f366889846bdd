/** The contenders' order in one run: who begins changes from run to run. */
export function turnsOf<T>(contenders: readonly T[], run: number): T[] {
  const start = contenders.length === 0 ? 0 : run % contenders.length;
  return [...contenders.slice(start), ...contenders.slice(0, start)];
}
