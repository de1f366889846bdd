/** The items, so many at a time. */
export function* batchesOf<T>(items: readonly T[], size: number): Generator<T[], void, void> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
