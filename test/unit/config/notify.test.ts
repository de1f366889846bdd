import { describe, expect, test } from "vitest";
import type { ChannelSettings, Config } from "../../../src/config/config.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { JOB_KINDS } from "../../../src/repository/job.ts";
import { loadText } from "../../support/config-file.ts";

const DATABASES =
  "databases: { production: { url: x, environment: production }, staging: { url: x, environment: staging } }\n";

const WHOLE = `${DATABASES}
notify:
  - slack: "\${SLACK_URL}"
    on: [failure, recovery]
    repeatEvery: 6h
  - webhook: { url: "https://hooks.example.com/x", headers: { Authorization: "Bearer \${TOKEN}" } }
    jobs: [seed, reindex]
    databases: [staging]
  - email: { url: "smtps://mailer:\${MAIL_PASSWORD}@mail.example.com", from: a@example.com, to: ["\${ONCALL}", "B <b@example.com>"] }
  - sentry: { dsn: "https://abc@o1.ingest.sentry.io/42" }
  - ping: "https://hc-ping.com/\${CHECK}"
`;

const VARIABLES = {
  SLACK_URL: "https://hooks.slack.com/services/T0/B0/s3ntinel",
  TOKEN: "s3ntinel",
  MAIL_PASSWORD: "s3ntinel%2F",
  ONCALL: "oncall@example.com",
  CHECK: "s3ntinel",
};

test("every channel, with its variables put in when it is used", async () => {
  const config = await loadText(WHOLE, VARIABLES);
  expect(
    config.notify.map(({ kind, place, on, jobs, databases, repeatEvery }) => [
      kind,
      place,
      on,
      jobs,
      databases,
      repeatEvery,
    ]),
  ).toEqual([
    ["slack", "notify[0]", ["failure", "recovery"], undefined, undefined, 21_600_000],
    [
      "webhook",
      "notify[1]",
      ["failure", "recovery", "suspect", "stale"],
      ["seed", "reindex"],
      ["staging"],
      86_400_000,
    ],
    ["email", "notify[2]", ["failure", "recovery", "suspect", "stale"], undefined, undefined, 86_400_000],
    ["sentry", "notify[3]", ["failure", "recovery", "suspect", "stale"], undefined, undefined, 86_400_000],
    [
      "ping",
      "notify[4]",
      ["failure", "recovery", "suspect", "stale"],
      ["backup"],
      ["production"],
      86_400_000,
    ],
  ]);
  const [slack, webhook, email, sentry, ping] = config.notify.map(({ settings }) => settings.peek());
  expect(slack?.kind === "slack" && slack.url.reveal()).toBe(VARIABLES.SLACK_URL);
  expect(webhook?.kind === "webhook" && webhook.headers["Authorization"]?.reveal()).toBe("Bearer s3ntinel");
  expect(email).toMatchObject({
    server: { host: "mail.example.com", port: 465, isSecure: true, user: "mailer" },
    from: "a@example.com",
    to: ["oncall@example.com", "B <b@example.com>"],
  });
  expect(email?.kind === "email" && email.server.password?.reveal()).toBe("s3ntinel/");
  expect(sentry?.kind === "sentry" && sentry.dsn.reveal()).toBe("https://abc@o1.ingest.sentry.io/42");
  expect(ping?.kind === "ping" && ping.url.reveal()).toBe("https://hc-ping.com/s3ntinel");
});

test("no secret shows, however it is printed", async () => {
  const config = await loadText(WHOLE, VARIABLES);
  const shown = [
    JSON.stringify(config.origins),
    ...config.notify.map(({ settings }) => {
      const known = settings.peek() ?? {};
      return `${JSON.stringify(known)} ${String(Object.values(known))}`;
    }),
  ].join("\n");
  expect(shown).not.toMatch(/s3ntinel|abc@/);
  expect(config.origins.find(({ path }) => path === "notify[2].email")).toMatchObject({
    shown: "[redacted]",
    origin: expect.stringContaining(", from ${MAIL_PASSWORD}, ${ONCALL}") as unknown,
  });
});

test("a machine without the variables can do everything else", async () => {
  const config = await loadText(WHOLE, {});
  expect(config.notify).toHaveLength(5);
  expect(settingsOf(config, 0)).toThrow(
    "notify[0].slack in dataops.config.yaml: the variable SLACK_URL is not set",
  );
  expect(settingsOf(config, 4)).toThrow(
    "notify[4].ping in dataops.config.yaml: the variable CHECK is not set",
  );
  expect(settingsOf(config, 3)).not.toThrow();
});

describe("what is wrong is told with its place, and without the value", () => {
  test.for([
    ["an unknown channel", "[{ slak: s3ntinel }]", 'notify[0]: unknown key "slak", did you mean slack?'],
    ["no channel", "[{ on: [failure] }]", "expected exactly one of slack, webhook, email, sentry, ping"],
    ["two channels", "[{ slack: s3ntinel, ping: s3ntinel }]", "expected exactly one of slack"],
    [
      "an unknown key in one",
      "[{ email: { url: s3ntinel, from: a@b, too: [c@d] } }]",
      'notify[0].email: unknown key "too", did you mean to?',
    ],
    [
      "an unknown event",
      "[{ slack: s3ntinel, on: [success] }]",
      'notify[0].on[0]: expected "failure" or "recovery"',
    ],
    ["nothing to tell", "[{ slack: s3ntinel, on: [] }]", "notify[0].on"],
    ["nobody to tell", "[{ email: { url: s3ntinel, from: a@b, to: [] } }]", "notify[0].email.to"],
    [
      "a database that is not there",
      "[{ slack: s3ntinel, databases: [nothere] }]",
      "notify[0]: there is no database nothere",
    ],
    [
      "a header that is none",
      "[{ webhook: { url: s3ntinel, headers: { 'a b': s3ntinel } } }]",
      'the name "a b"',
    ],
    [
      "a header that is not ours",
      "[{ webhook: { url: s3ntinel, headers: { Host: s3ntinel } } }]",
      'the name "Host"',
    ],
    [
      "a ping with a choice",
      "[{ ping: s3ntinel, on: [failure] }]",
      "notify[0].on: a ping is sent at every run",
    ],
    ["a ping for two jobs", "[{ ping: s3ntinel, jobs: [backup, prune] }]", "a ping stands for one job"],
    [
      "a ping for two databases",
      "[{ ping: s3ntinel, databases: [production, staging] }]",
      "a ping stands for one database",
    ],
    ["a list that is none", "{ slack: s3ntinel }", "notify: expected a list"],
  ])("%s", async ([, text = "", expected = ""]) => {
    const error = await loadText(`${DATABASES}notify: ${text}`).catch(String);
    expect(error).toContain(expected);
    expect(error).not.toContain("s3ntinel");
  });

  test("a ping where several databases are production", async () => {
    const text =
      "databases: { a: { url: x, environment: production }, b: { url: x, environment: production } }\nnotify: [{ ping: x }]";
    await expect(loadText(text)).rejects.toThrow("notify[0]: a ping stands for one database: name it");
  });

  test.for([
    ["slack: hooks.slack.com/s3ntinel", "expected an http(s) URL"],
    ["slack: ftp://s3ntinel/", "expected an http(s) URL"],
    [
      'webhook: { url: https://x, headers: { A: "s3ntinel\\nB: c" } }',
      "a header's value holds what a header cannot",
    ],
    ["email: { url: s3ntinel@mail, from: a@b, to: [a@b] }", "expected smtp(s)://user:password@host:port"],
    ['email: { url: smtp://mail, from: "s3ntinel\\n@b", to: [a@b] }', "expected addresses such as"],
    ["email: { url: smtp://mail, from: a@b, to: [s3ntinel] }", "expected addresses such as"],
    ["sentry: { dsn: https://o1.ingest.sentry.io/s3ntinel }", "expected a DSN"],
    ["sentry: { dsn: https://abc@o1.ingest.sentry.io/s3ntinel }", "expected a DSN"],
    ['ping: "${s3 ntinel}"', "a variable is written ${NAME}"],
  ] as const)("%s", async ([channel, expected]) => {
    const config = await loadText(`${DATABASES}notify: [{ ${channel} }]`);
    expect(settingsOf(config, 0)).toThrow(expected);
    expect(settingsOf(config, 0)).not.toThrow("s3ntinel");
  });
});

test("notices tell of every job that there is", () => {
  const jobs = (kinds: readonly string[]): boolean =>
    configSchema.safeParse({ notify: [{ slack: "x", jobs: kinds }] }).success;
  expect(jobs([...JOB_KINDS])).toBe(true);
  expect(jobs(["restore"])).toBe(false);
});

function settingsOf({ notify }: Config, index: number): () => ChannelSettings | undefined {
  return () => notify[index]?.settings.peek();
}
