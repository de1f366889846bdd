import { z } from "zod";
import { databaseName, duration } from "./schema-values.ts";

/** What a team is told of. */
export const NOTICE_EVENTS = ["failure", "recovery", "suspect", "stale"] as const;
export type NoticeEvent = (typeof NOTICE_EVENTS)[number];

/** The jobs that notices tell of: every kind there is. */
const JOBS = ["backup", "verify", "prune", "seed", "reindex"] as const;
export type NotifiedJob = (typeof JOBS)[number];

/** The ways that notices take; a channel has exactly one of these keys. */
export const CHANNEL_KINDS = ["slack", "webhook", "email", "sentry", "ping"] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

/** A header's name, as HTTP has it (RFC 9110's token). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
/** What the connection itself decides. */
const RESERVED_HEADERS = ["connection", "content-length", "host", "transfer-encoding"];

/** Text whose variables are put in when it is used: a laptop has no webhook's URL and needs none. */
const late = z.string().min(1).max(4096);

const headerName = z
  .string()
  .regex(HEADER_NAME, "expected a header's name")
  .refine((name) => !RESERVED_HEADERS.includes(name.toLowerCase()), {
    error: "is a header that the connection decides",
  });

const webhook = z.strictObject({
  url: late.describe("where the JSON document is posted; its form is in docs/notices.md"),
  headers: z
    .record(headerName, late)
    .default({})
    .describe('sent along: `{ Authorization: "Bearer ${TOKEN}" }`'),
});

const email = z.strictObject({
  url: late.describe(
    "`smtps://user:password@host:465`, or `smtp://` with STARTTLS; a password never goes unencrypted",
  ),
  from: late.describe("the sender's address"),
  to: z.array(late).min(1).max(50).describe("the receivers' addresses"),
});

const sentry = z.strictObject({
  dsn: late.describe("the project's DSN; needs the package `@sentry/node`"),
});

const channel = z
  .strictObject({
    slack: late
      .optional()
      .describe(
        "the URL of an incoming webhook of Slack, or of what is compatible: Mattermost, Rocket.Chat, Zulip",
      ),
    webhook: webhook.optional().describe("any URL that takes JSON"),
    email: email.optional().describe("e-mail, by SMTP"),
    sentry: sentry.optional().describe("an event in Sentry"),
    ping: late
      .optional()
      .describe(
        "a dead man's switch in the grammar of healthchecks.io: `/start`, success, `/fail`. Success is said of a good backup only",
      ),
    on: z
      .array(z.enum(NOTICE_EVENTS))
      .min(1)
      .optional()
      .describe(
        "what is told: any of `failure`, `recovery`, `suspect`, `stale`; all of them by default. Not for a ping",
      ),
    jobs: z
      .array(z.enum(JOBS))
      .min(1)
      .optional()
      .describe("of which jobs; of all by default. A ping stands for one job: `backup` by default"),
    databases: z
      .array(databaseName)
      .min(1)
      .optional()
      .describe("of which databases; of all by default. A ping stands for one: production by default"),
    repeatEvery: duration({ least: "1m", most: "30d" })
      .optional()
      .describe("how long a state has to last until it is told again (1d). Not for a ping"),
  })
  .superRefine((value, context) => {
    const fail = (message: string, path: string[] = []): void => {
      context.addIssue({ code: "custom", message, path });
    };
    const kinds = CHANNEL_KINDS.filter((kind) => value[kind] !== undefined);
    if (kinds.length !== 1) fail(`expected exactly one of ${CHANNEL_KINDS.join(", ")}`);
    if (value.ping === undefined) return;
    if (value.on !== undefined) fail("a ping is sent at every run: leave this away", ["on"]);
    if (value.repeatEvery !== undefined)
      fail("a ping is sent at every run: leave this away", ["repeatEvery"]);
    if ((value.jobs?.length ?? 1) > 1)
      fail("a ping stands for one job: another's success would hide its failure", ["jobs"]);
    if ((value.databases?.length ?? 1) > 1)
      fail("a ping stands for one database: another's success would hide its failure", ["databases"]);
  })
  .describe("one way to tell of what went wrong");

/** Who is told, and of what. */
export const notifySchema = z
  .array(channel)
  .max(32)
  .default([])
  .describe("who is told of failures, and of jobs that work again");

/** One entry of `notify`, checked, its variables not yet put in. */
export type CheckedChannel = z.output<typeof channel>;
