import { z } from "zod";
import { type Ask, parseAnswer } from "./ask.ts";
import type { IndexFacts, SearchOptions } from "./search-engine.ts";
import { isSearchError } from "./search-error.ts";

const indexSchema = z.object({
  aliases: z.record(z.string(), z.unknown()).default({}),
  mappings: z.object({ _meta: z.record(z.string(), z.unknown()).optional() }).default({}),
  settings: z.object({
    index: z.object({ uuid: z.string(), creation_date: z.string().regex(/^\d+$/) }),
  }),
});

const indexesSchema = z.record(z.string(), indexSchema);

/** Of a closed index both are null. */
const sizesSchema = z.array(
  z.object({
    index: z.string(),
    "docs.count": z.string().nullish(),
    "store.size": z.string().nullish(),
  }),
);

/** What is asked of each index. */
const FIELDS = ["aliases", "mappings._meta", "settings.index.uuid", "settings.index.creation_date"];

/** The indexes that a name, an alias or a pattern stands for, closed ones too. */
export async function findIndexes(
  ask: Ask,
  pattern: string,
  options: SearchOptions | undefined,
): Promise<IndexFacts[]> {
  if (/^[_.-]|[,/?#\s\\]|\*./.test(pattern) || pattern === "*" || pattern === "") {
    throw new TypeError(`not the name of an index, nor the beginning of one: ${pattern}`);
  }
  const what = `looking for ${pattern}`;
  const everywhere = {
    expand_wildcards: "open,closed",
    ignore_unavailable: "true",
    allow_no_indices: "true",
  };
  const found = await orNothing({}, () =>
    ask(
      what,
      {
        method: "GET",
        path: `/${encodeURIComponent(pattern)}`,
        query: { ...everywhere, filter_path: FIELDS.map((field) => `*.${field}`).join(",") },
      },
      options,
    ),
  );
  const indexes = Object.entries(parseAnswer(what, indexesSchema, found));
  if (indexes.length === 0) return [];
  const query = {
    format: "json",
    bytes: "b",
    h: "index,docs.count,store.size",
    expand_wildcards: "open,closed",
  };
  const path = `/_cat/indices/${encodeURIComponent(pattern)}`;
  const listed = await orNothing([], () => ask(what, { method: "GET", path, query }, options));
  const sizes = new Map(parseAnswer(what, sizesSchema, listed).map((size) => [size.index, size]));
  return indexes.map(([name, { aliases, mappings, settings }]) => {
    const size = sizes.get(name);
    return {
      name,
      uuid: settings.index.uuid,
      aliases: Object.keys(aliases),
      created: Number(settings.index.creation_date),
      documents: numberOf(size?.["docs.count"]),
      bytes: numberOf(size?.["store.size"]),
      meta: mappings._meta ?? {},
    };
  });
}

/** An index may go between two requests. */
async function orNothing(nothing: unknown, request: () => Promise<unknown>): Promise<unknown> {
  try {
    return await request();
  } catch (error) {
    if (isSearchError(error, "not-found")) return nothing;
    throw error;
  }
}

function numberOf(text: string | null | undefined): number | undefined {
  return text === null || text === undefined || text === "" ? undefined : Number(text);
}
