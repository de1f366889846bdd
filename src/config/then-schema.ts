import { z } from "zod";

/** `reindex products`, as it is typed on a command line. */
const REINDEX = /^reindex [a-z0-9][a-z0-9_-]{0,62}$/;

/** What follows a database's replacement, once it is done. */
const thenJob = z.union(
  [
    z
      .string()
      .regex(REINDEX)
      .transform((text) => ({ reindex: text.slice("reindex ".length) })),
    z.strictObject({
      command: z
        .array(z.string())
        .min(1)
        .describe("a program and its arguments; it finds the new database in `DATABASE_URL` and `PG*`"),
    }),
    z.strictObject({
      webhook: z
        .string()
        .min(1)
        .describe(
          "a URL that is sent a POST request with what was done, as JSON; best taken from a variable",
        ),
    }),
  ],
  { error: "expected `reindex INDEX`, { command: [PROGRAM, ARGUMENT…] } or { webhook: URL }" },
);

export const thenSchema = z
  .array(thenJob)
  .max(100)
  .default([])
  .describe("what is run afterwards, in this order: `reindex INDEX`, a command, a webhook");

export type CheckedThenJob = z.output<typeof thenJob>;
