import { z } from "zod";
import type { JsonObject } from "./search-engine.ts";
import { indexNameOf } from "./index-name.ts";

/**
 * What dataops writes into `_meta` of each index it makes, under `dataops`. It tells an index of ours from any other, a
 * finished one from a half-built one, and what its settings are to be once it is loaded.
 */

const MARK_FORMAT = 1;

/** A value that a setting may have; null is its default. */
const settingValue = z.union([z.string().max(1000), z.number(), z.boolean(), z.null()]);

const indexMarkSchema = z.strictObject({
  format: z.literal(MARK_FORMAT),
  alias: z.string().max(255),
  /** The run that began it. */
  run: z.string().max(64),
  /** Of mapping and settings. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Settings that are otherwise while the index is loaded, and what they are to be after. */
  restore: z.record(z.string().max(255), settingValue),
  /** When it was loaded and its settings restored; null before. ISO 8601. */
  finished: z.iso.datetime({ precision: 3 }).nullable(),
  /** What the alias stood for before it came to this index: where a rollback leads. */
  previous: z.array(z.string().max(255)).max(100),
});

export type IndexMark = z.infer<typeof indexMarkSchema>;

export function newMark(mark: Pick<IndexMark, "alias" | "run" | "digest" | "restore">): IndexMark {
  return { format: MARK_FORMAT, ...mark, finished: null, previous: [] };
}

/** The mark of an index; undefined for one that is not ours, whatever its name. */
export function readMark(index: { name: string; meta: JsonObject }): IndexMark | undefined {
  const parsed = indexMarkSchema.safeParse(index.meta["dataops"]);
  if (!parsed.success) return undefined;
  try {
    return indexNameOf(parsed.data.alias, parsed.data.run) === index.name ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** `_meta` with the mark in it, and what the team wrote there. */
export function withMark(meta: JsonObject, mark: IndexMark): JsonObject {
  return { ...meta, dataops: indexMarkSchema.parse(mark) };
}
