/** Names of physical indexes: the alias and the run that built them, `products-20261121t040000z-k3v9qa`. */

/** What the engines allow for names that dataops gives: lowercase, no leading `-`, `_` or `+`, no wildcard, no comma. */
const ALIAS_PATTERN = /^[a-z0-9][a-z0-9._-]{0,199}$/;

/** A run's id, in lowercase as the engines want it. */
const RUN_PATTERN = /^\d{8}t\d{6}z-[a-z0-9]{6}$/;

/**
 * The physical index that a run builds for an alias.
 *
 * @param run the run's id: `20261121T040000Z-k3v9qa`
 */
export function indexNameOf(alias: string, run: string): string {
  const lowercase = run.toLowerCase();
  if (!ALIAS_PATTERN.test(alias) || !RUN_PATTERN.test(lowercase)) {
    throw new TypeError(`not an alias and a run's id: ${alias}, ${run}`);
  }
  return `${alias}-${lowercase}`;
}

/** The id of the run that built an index of this alias, as runs are known elsewhere; undefined for an index that no run built. */
export function runOfIndex(alias: string, index: string): string | undefined {
  if (!index.startsWith(`${alias}-`)) return undefined;
  const tail = index.slice(alias.length + 1);
  if (!RUN_PATTERN.test(tail)) return undefined;
  return tail.slice(0, 16).toUpperCase() + tail.slice(16);
}
