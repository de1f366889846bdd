import { isIP } from "node:net";
import { z } from "zod";
import { count } from "./schema-values.ts";

/** Text whose variables are put in when it is used: only the machine that serves has them. */
const late = z.string().min(1).max(4096);

/** Where and to whom the daemon answers. */
export const httpSchema = z
  .strictObject({
    host: z
      .string()
      .refine((host) => host === "localhost" || isIP(host) !== 0, {
        error: "expected an IP address, or localhost",
      })
      .prefault("127.0.0.1")
      .describe(
        "the address to listen on; `0.0.0.0` or `::` for all of the machine's, and then `token` or `basic` is needed",
      ),
    port: count(0, 65_535).prefault(8080).describe("`PORT` wins over it; 0 is any that is free"),
    token: late
      .optional()
      .describe("`Authorization: Bearer TOKEN` opens all paths; 16 characters or more, from a variable"),
    basic: z
      .strictObject({
        user: late.describe("the user's name; without a colon"),
        password: late.describe("8 characters or more, from a variable"),
      })
      .optional()
      .describe("a user and a password, for browsers"),
  })
  .describe("what the daemon serves: status page, freshness, metrics, heartbeats");

/** The section `http`, checked, its variables not yet put in. */
export type CheckedHttp = z.output<typeof httpSchema>;
