import { expect, onTestFinished, test } from "vitest";
import { runConfig } from "../../../src/commands/config.ts";
import { runDaemonCommand } from "../../../src/commands/daemon.ts";
import { judgeToken } from "../../../src/commands/doctor/database.ts";
import { checkSecrets } from "../../../src/commands/doctor/secrets.ts";
import { runPrint } from "../../../src/commands/print.ts";
import type { TlsMode } from "../../../src/config/connection.ts";
import { parseConnection } from "../../../src/config/parse-connection.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { commandContext } from "../../support/command-context.ts";
import { knownSecrets } from "../../support/known-secrets.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** What commands make of references to secrets. */

const TEXT = `
storage: s3://acme/dataops
databases:
  production: { url: "secretsmanager:prod#url", environment: production }
  staging: { url: "postgres://app@db/app", password: "secretsmanager:staging#password", environment: staging }
notify: [ { slack: "secretsmanager:prod#url" } ]
`;

test("show and validate ask nobody, and show nothing", async () => {
  const secrets = knownSecrets({ "secretsmanager:prod#url": "postgres://app:s3ntinel@db/app" });
  const context = await commandContext(TEXT, { secrets });
  const shown = await runConfig({ action: "show" }, context);
  expect(shown.text).toMatch(
    /databases\.production\.url +\[redacted\] +dataops\.config\.yaml:4:\d+, from secretsmanager:prod#url/,
  );
  expect(await runConfig({ action: "validate" }, context)).toMatchObject({ exit: "done" });
  expect(secrets.events).toEqual([]);
});

test("validate tells of a reference that is none", async () => {
  const context = await commandContext(TEXT.replace("prod#url", "prod app"));
  const { exit, data } = await runConfig({ action: "validate" }, context);
  expect(exit).toBe("warnings");
  expect(data).toMatchObject({
    notHere: [expect.stringMatching(/^databases\.production\.url in .*: a reference to a secret is written/)],
  });
});

test("doctor says of each secret once whether it can be read", async () => {
  const secrets = knownSecrets({ "secretsmanager:prod#url": "postgres://app:s3ntinel@db/app" });
  const context = await commandContext(TEXT, { secrets });
  const findings = await checkSecrets(await context.config(), context);
  expect(findings).toEqual([
    {
      status: "ok",
      subject: "secret of databases.production",
      message: "secretsmanager:prod#url can be read",
    },
    {
      status: "fail",
      subject: "secret of databases.staging",
      message: "cannot read secretsmanager:staging#password",
      hint: "allow it",
      exit: "notPermitted",
    },
  ]);
});

test.each([
  ["require", 1],
  ["verify-ca", 1],
  ["verify-full", 0],
] as const)("doctor says what a token with sslmode=%s is worth", (mode: TlsMode, count) => {
  const url = `postgres://app@db/app?sslmode=${mode}`;
  const connection = parseConnection(url, "a test", {});
  expect(judgeToken("database x", { connection })).toEqual([]);
  const withToken = { ...connection, rdsToken: { region: "eu-west-1" } };
  expect(judgeToken("database x", { connection: withToken })).toHaveLength(count);
});

test.each([
  ["writer", true],
  ["pruner", true],
  ["reader", false],
] as const)("the policy of a %s has what secrets need: %s", async (role, isThere) => {
  const context = await commandContext(TEXT);
  const options = { run: "daemon", image: "x", region: "eu-west-1", account: "<account>" };
  const { text } = await runPrint({ ...options, what: "iam-policy", role }, context);
  expect(text.includes("arn:aws:secretsmanager:eu-west-1:*:secret:prod-??????")).toBe(isThere);
});

test("a daemon looks secrets up anew for each run, and when it reads its configuration", async () => {
  const folder = await temporaryFolder("daemon-secrets");
  const secrets = knownSecrets({});
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const { promise: failed, resolve: onFailure } = Promise.withResolvers<void>();
  const reporter = {
    ...silentReporter,
    warn: (message: string) => {
      if (message.includes("cannot read ssm:/app/url")) onFailure();
    },
  };
  let reload = (): void => undefined;
  const { promise: isRefused, resolve: onRefusal } = Promise.withResolvers<void>();
  const context = await commandContext(
    `
storage: file://${folder}
databases: { production: { url: "ssm:/app/url", environment: production } }
backup: { production: { schedule: "0 * * * *", runMissed: 2h } }
http: { port: 0 }
`,
    {
      secrets,
      reporter,
      signal: controller.signal,
      onReload: (listener) => {
        reload = listener;
        return { [Symbol.dispose]: () => undefined };
      },
    },
  );
  let loads = 0;
  const loadConfig = async (): ReturnType<typeof context.loadConfig> => {
    loads += 1;
    if (loads === 1) return await context.loadConfig();
    onRefusal();
    throw new Error("it is wrong");
  };
  const running = runDaemonCommand({ ...context, loadConfig });
  await failed;
  expect(secrets.events).toEqual(["refresh", "refresh", "read ssm:/app/url"]);
  reload();
  await isRefused;
  expect(secrets.events.at(-1)).toBe("refresh");
  controller.abort(new Error("the end"));
  await expect(running).rejects.toThrow("the end");
});
