import { expect, test } from "vitest";
import { knownSecrets, redactor } from "../../../src/notices/redact.ts";
import { loadText } from "../../support/config-file.ts";

test.for([
  ["plain", ["s3cret/word"], "no: s3cret/word.", "no: [redacted]."],
  ["more than once", ["s3cret"], "s3crets3cret", "[redacted][redacted]"],
  ["in a URL", ["s3cret/word"], "postgres://a:s3cret%2Fword@b", "postgres://a:[redacted]@b"],
  ["in JSON", ['s3"cret'], '{"a":"s3\\"cret"}', '{"a":"[redacted]"}'],
  ["the longer one first", ["s3cret", "s3cret-and-more"], "s3cret-and-more", "[redacted]"],
  ["not what stands in words by chance", ["app", ""], "the app", "the app"],
] as const)("%s", ([, secrets, text, expected]) => {
  expect(redactor(secrets)(text)).toBe(expected);
});

test("every secret of a configuration is known, and each part of it that is of use", async () => {
  const config = await loadText(
    `
databases:
  production: { url: "\${DATABASE_URL}", environment: production }
  elsewhere: { url: "\${NOT_HERE}", environment: staging }
notify:
  - slack: https://hooks.slack.com/services/T0123456789A/slack-s3ntinel
  - webhook: { url: "https://user:hook-s3ntinel@x/?token=query-s3ntinel", headers: { Authorization: Bearer header-s3ntinel } }
  - email: { url: "smtp://a:mail-s3ntinel@m", from: a@b, to: [a@b] }
  - sentry: { dsn: https://sentrys3ntinel@x/1 }
  - ping: https://hc-ping.com/ping-s3ntinel-key
  - slack: "\${NOT_HERE}"
http: { token: token-s3ntinel-0123, basic: { user: ops, password: password-s3ntinel } }
`,
    { DATABASE_URL: "postgres://a:database%2Fs3ntinel@b/c" },
  );
  const environment = { AWS_SECRET_ACCESS_KEY: "aws-s3ntinel", AWS_SESSION_TOKEN: "session-s3ntinel" };
  const redact = redactor(knownSecrets(config, environment));
  const all = [
    "database/s3ntinel",
    "database%2Fs3ntinel",
    "/services/T0123456789A/slack-s3ntinel",
    "slack-s3ntinel",
    "hook-s3ntinel",
    "query-s3ntinel",
    "Bearer header-s3ntinel",
    "header-s3ntinel",
    "mail-s3ntinel",
    "sentrys3ntinel",
    "ping-s3ntinel-key",
    "token-s3ntinel-0123",
    "password-s3ntinel",
    "aws-s3ntinel",
    "session-s3ntinel",
  ];
  for (const secret of all) expect(redact(`it says ${secret}`), secret).toBe("it says [redacted]");
  expect(redact("backup production failed: hooks.slack.com and /services answered")).not.toContain(
    "redacted",
  );
});
