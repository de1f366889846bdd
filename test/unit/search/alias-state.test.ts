import { describe, expect, test } from "vitest";
import { judgeAlias, type AliasState } from "../../../src/search/alias-state.ts";
import { digestOf } from "../../../src/search/index-definition.ts";
import { type IndexMark, newMark, withMark } from "../../../src/search/index-mark.ts";
import { indexNameOf } from "../../../src/search/index-name.ts";
import { oldIndexes } from "../../../src/search/remove-indexes.ts";
import type { IndexFacts } from "../../../src/search/search-engine.ts";
import { rollbackTarget, swapActions } from "../../../src/search/swap-alias.ts";

const FINISHED = "2026-11-21T05:00:00.000Z";

/** The index of the run that started on that day of November. */
function indexOf(
  day: number,
  aliases: readonly string[] = [],
  mark: Partial<IndexMark> = { finished: FINISHED },
): IndexFacts {
  const run = `202611${String(day).padStart(2, "0")}T040000Z-k3v9qa`;
  const whole = { ...newMark({ alias: "products", run, digest: digestOf(1), restore: {} }), ...mark };
  const name = indexNameOf("products", run);
  return { name, uuid: name, aliases, created: 0, documents: 1, bytes: 1, meta: withMark({}, whole) };
}

function foreign(name: string, aliases: readonly string[] = []): IndexFacts {
  return { name, uuid: name, aliases, created: 0, documents: 1, bytes: 1, meta: {} };
}

function stateOf(...indexes: readonly IndexFacts[]): AliasState {
  const named = indexes.filter(({ name, aliases }) => name === "products" || aliases.includes("products"));
  const beside = indexes.filter(({ name }) => name.startsWith("products-"));
  return judgeAlias("products", named, beside);
}

const CARRIES = ["products"];
const day = (number: number): string => indexOf(number).name;
const namesOf = (indexes: readonly IndexFacts[]): string[] => indexes.map(({ name }) => name);

describe("what a name stands for", () => {
  test.for<[string, IndexFacts[], Pick<AliasState, "kind">, { kept: string[]; unfinished: string[] }]>([
    ["nothing", [], { kind: "free" }, { kept: [], unfinished: [] }],
    ["an index", [foreign("products")], { kind: "index" }, { kept: [], unfinished: [] }],
    ["another's index", [foreign("products-v3", CARRIES)], { kind: "alias" }, { kept: [], unfinished: [] }],
    [
      "one of ours, others beside",
      [indexOf(1), indexOf(3, CARRIES), indexOf(2), indexOf(4, [], {}), foreign("products-v3")],
      { kind: "alias" },
      { kept: [day(2), day(1)], unfinished: [day(4)] },
    ],
    ["a half-built one", [indexOf(1, [], {})], { kind: "free" }, { kept: [], unfinished: [day(1)] }],
  ])("%s", ([, indexes, { kind }, { kept, unfinished }]) => {
    const state = stateOf(...indexes);
    expect({ kind: state.kind, kept: namesOf(state.kept), unfinished: namesOf(state.unfinished) }).toEqual({
      kind,
      kept,
      unfinished,
    });
  });
});

describe("which indexes are old", () => {
  const all = [indexOf(1), indexOf(2), indexOf(3), indexOf(4, CARRIES)];
  test.for<[number, IndexFacts[], string[]]>([
    [0, all, [day(3), day(2), day(1)]],
    [2, all, [day(1)]],
    [3, all, []],
    [0, [indexOf(1), indexOf(2, CARRIES), indexOf(3)], [day(1)]],
    [0, [indexOf(1), indexOf(2)], []],
    [0, [indexOf(1, ["archive"]), indexOf(2, CARRIES)], []],
    [0, [indexOf(1, [], {}), indexOf(2, CARRIES)], []],
  ])("keeping %i", ([keep, indexes, expected]) => {
    expect(namesOf(oldIndexes(stateOf(...indexes), keep))).toEqual(expected);
  });
});

describe("where a rollback leads", () => {
  const noted = { finished: FINISHED, previous: ["products-v3"] };
  test.for<[string, IndexFacts[], IndexFacts[], string | undefined, string | RegExp]>([
    ["to the newest that is older", [indexOf(1), indexOf(2), indexOf(3, CARRIES)], [], undefined, day(2)],
    ["not to a newer one", [indexOf(1), indexOf(2, CARRIES), indexOf(3)], [], undefined, day(1)],
    [
      "to what was noted",
      [indexOf(1), indexOf(2, CARRIES, noted)],
      [foreign("products-v3")],
      undefined,
      /^products-v3$/,
    ],
    ["past what is gone", [indexOf(1), indexOf(2, CARRIES, noted)], [], undefined, day(1)],
    ["to the one named", [indexOf(1), indexOf(2), indexOf(3, CARRIES)], [], day(1), day(1)],
    [
      "not to one that is not kept",
      [indexOf(1, [], {}), indexOf(3, CARRIES)],
      [],
      day(1),
      /is not a kept index/,
    ],
    ["nowhere without another", [indexOf(3, CARRIES)], [], undefined, /no index older/],
    ["nowhere without an alias", [indexOf(3)], [], undefined, /there is no alias/],
    ["nowhere from an index", [foreign("products"), indexOf(3)], [], undefined, /there is no alias/],
  ])("%s", ([, indexes, found, to, expected]) => {
    expect(leadOf(stateOf(...indexes), found, to)).toMatch(expected);
  });
});

/** The one index that it leads to, or why there is none. */
function leadOf(state: AliasState, found: readonly IndexFacts[], to: string | undefined): string {
  try {
    return rollbackTarget(state, found, to).join(" and ");
  } catch (error) {
    return String(error);
  }
}

test("a swap is one change: what has the name goes, and the new one comes", () => {
  const add = { add: { index: day(4), alias: "products" } };
  expect(swapActions(stateOf(), day(4))).toEqual([add]);
  expect(swapActions(stateOf(foreign("products")), day(4))).toEqual([
    { removeIndex: { index: "products" } },
    add,
  ]);
  const both = stateOf(indexOf(1, CARRIES), foreign("products-v3", CARRIES), indexOf(4, CARRIES));
  expect(swapActions(both, day(4))).toEqual([
    { remove: { index: day(1), alias: "products" } },
    { remove: { index: "products-v3", alias: "products" } },
    add,
  ]);
});
