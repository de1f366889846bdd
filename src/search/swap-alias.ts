import { DataopsError } from "../errors.ts";
import { type AliasState, type OwnIndex, readAlias } from "./alias-state.ts";
import { requireOwn } from "./build-index.ts";
import { withMark } from "./index-mark.ts";
import type { AliasAction, IndexFacts, SearchEngine, SearchOptions } from "./search-engine.ts";

/**
 * Whether a reindex could put the alias in place at its end; to be asked before any work.
 *
 * @throws DataopsError `refused` where a concrete index has the name and `adopt` is not given
 */
export function requireSwappable({ alias, kind }: AliasState, { adopt }: { adopt: boolean }): void {
  if (kind !== "index" || adopt) return;
  throw new DataopsError("refused", `${alias} is an index, not an alias`, {
    hint: `--adopt puts an alias in its place in one step, and deletes the index ${alias} with it`,
  });
}

/**
 * Lets the alias stand for `index`, and for nothing else, in one step that no search sees half of. What it stood for before is
 * noted in the index, for `rollbackAlias`.
 *
 * @param options.adopt replaces a concrete index of the alias's name; it is deleted in the same step
 * @returns the names of the indexes that carried the alias before; the deleted one is not among them
 * @throws DataopsError `refused` for a concrete index without `adopt`, `reindexFailed` where the index was never finished
 */
export async function swapAlias(
  engine: SearchEngine,
  alias: string,
  index: string,
  options: SearchOptions & { adopt?: boolean } = {},
): Promise<string[]> {
  const { facts, mark } = await requireOwn(engine, index, options);
  if (mark.alias !== alias || mark.finished === null) {
    throw new DataopsError("reindexFailed", `the index ${index} is not one that ${alias} may stand for`, {
      hint: "only an index that a reindex of this alias finished can take it",
    });
  }
  const state = await readAlias(engine, alias, options);
  requireSwappable(state, { adopt: options.adopt ?? false });
  const previous = state.current.map(({ name }) => name).filter((name) => name !== index);
  // Before the change: after it nothing may fail, or a swap that was done would look like one that was not.
  if (previous.length > 0)
    await engine.changeMeta(index, withMark(facts.meta, { ...mark, previous }), options);
  await engine.changeAliases(swapActions(state, index), options);
  return previous;
}

/** The one change that brings the alias from where it is to `index`. */
export function swapActions({ alias, kind, current }: AliasState, index: string): AliasAction[] {
  const removes = current
    .filter(({ name }) => name !== index)
    .map(({ name }): AliasAction => ({ remove: { index: name, alias } }));
  const adoption: AliasAction[] = kind === "index" ? [{ removeIndex: { index: alias } }] : [];
  return [...adoption, ...removes, { add: { index, alias } }];
}

/**
 * Brings the alias back to where it was before the last swap: to the indexes noted then, or else to the newest kept index that is
 * older than the current one.
 *
 * @param options.to this index instead
 * @returns where the alias led, and where it leads now
 * @throws DataopsError `refused` where there is nothing to go back to
 */
export async function rollbackAlias(
  engine: SearchEngine,
  alias: string,
  options: SearchOptions & { to?: string | undefined } = {},
): Promise<{ from: string[]; to: string[] }> {
  const state = await readAlias(engine, alias, options);
  const from = state.current.map(({ name }) => name);
  const noted = previousOf(state);
  const there = (await Promise.all(noted.map((name) => engine.findIndexes(name, options)))).flat();
  const target = rollbackTarget(state, there, options.to);
  const actions = [
    ...from.filter((name) => !target.includes(name)).map((index) => ({ remove: { index, alias } })),
    ...target.map((index) => ({ add: { index, alias } })),
  ];
  await engine.changeAliases(actions, options);
  return { from, to: [...target] };
}

/** What the current index notes of where the alias was before. */
function previousOf({ own, current }: AliasState): readonly string[] {
  return own.find(({ name }) => current.some((one) => one.name === name))?.mark.previous ?? [];
}

/**
 * Decides where a rollback leads.
 *
 * @param noted those of the indexes noted at the last swap that are still there
 * @throws DataopsError `refused`
 */
export function rollbackTarget(
  state: AliasState,
  noted: readonly IndexFacts[],
  to?: string,
): readonly string[] {
  const { alias, kind, current, kept } = state;
  if (kind !== "alias") {
    throw new DataopsError("refused", `there is no alias ${alias}`, { hint: "run the reindex first" });
  }
  const names = current.map(({ name }) => name);
  if (to !== undefined) {
    if (kept.some(({ name }) => name === to)) return [to];
    throw new DataopsError("refused", `${to} is not a kept index of ${alias}`, {
      hint: kept.length === 0 ? "none is kept" : `kept: ${kept.map(({ name }) => name).join(", ")}`,
    });
  }
  const wanted = previousOf(state);
  if (wanted.length > 0 && noted.length === wanted.length) return noted.map(({ name }) => name);
  const older = kept.find((index: OwnIndex) => names.every((name) => index.name < name));
  if (older !== undefined) return [older.name];
  throw new DataopsError("refused", `no index older than ${names.join(", ")} is kept`, {
    hint: "set keep for the index, so that the next reindex leaves the old one",
  });
}
