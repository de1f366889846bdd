import { z } from "zod";
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from "./units.ts";

/** Kinds of values that a configuration is made of. What `${VARIABLE}` gives is text, so each of them may be written as text. */

const DURATION_MESSAGE = "expected a duration such as 500ms, 30s, 5m, 2h or 1d";
const SIZE_MESSAGE = "expected a size such as 500MB, 64MiB or 20GB, or a number of bytes";

/** Names of databases are also folders in the storage, and words on a command line. */
export const databaseName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "expected a name of a-z, 0-9, - and _, at most 63 long");

export const environmentName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,31}$/, "expected a word of a-z, 0-9, - and _, such as production");

/** Milliseconds, written as `30s`. */
export function duration(limits: { least: string; most: string }) {
  const least = parseDuration(limits.least) ?? 0;
  const most = parseDuration(limits.most) ?? Number.POSITIVE_INFINITY;
  return z
    .string({ error: DURATION_MESSAGE })
    .regex(DURATION_PATTERN, DURATION_MESSAGE)
    .transform((text) => parseDuration(text) ?? Number.NaN)
    .refine((milliseconds) => milliseconds >= least && milliseconds <= most, {
      error: `expected a duration from ${limits.least} to ${limits.most}`,
    });
}

/** Bytes, written as a number or as `64MiB`. */
export function size() {
  return z.union(
    [
      z.int().min(1),
      z
        .string()
        .regex(SIZE_PATTERN)
        .transform((text) => parseSize(text) ?? Number.NaN),
    ],
    { error: SIZE_MESSAGE },
  );
}

/** A whole number, or text that is one: what `${VARIABLE}` gives is text. */
export function count(least: number, most: number) {
  const message = `expected a whole number from ${least} to ${most}`;
  return z
    .union([z.int(), z.string().regex(/^\d+$/).transform(Number)], { error: message })
    .refine((value) => value >= least && value <= most, { error: message });
}

export function flag() {
  return z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")], {
    error: "expected true or false",
  });
}
