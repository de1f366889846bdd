import { describe, expect } from "vitest";
import { expectFailure } from "../support/command-line.ts";
import { test } from "../support/e2e-test.ts";
import { answerOk, answerWith, hang, startReceiver } from "../support/http-receiver.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

const DATABASES = { production: { url: "postgres://db/shop", environment: "production" } };
/** In every setting, as a part that no encoding changes. */
const SENTINEL = "s3ntinels3ntinel";

describe("dataops notify test", () => {
  test("tells every channel, and leaves a dead man's switch in its state", async ({ dataops }) => {
    await using http = await startReceiver(answerOk);
    await using smtp = await startSmtpReceiver();
    const config = {
      databases: DATABASES,
      notify: [
        { slack: "${SLACK_URL}", on: ["recovery"] },
        { webhook: { url: `${http.origin}/webhook` }, databases: ["production"] },
        { email: { url: `smtp://127.0.0.1:${smtp.port}`, from: "a@example.com", to: ["b@example.com"] } },
        { ping: `${http.origin}/ping` },
      ],
    };
    const environment = { SLACK_URL: `${http.origin}/slack` };
    const all = await dataops.run(["notify", "test"], { environment, config });
    expect(all, all.stderr).toMatchObject({
      code: 0,
      stdout:
        "slack (notify[0]): delivered\nwebhook (notify[1]): delivered\nemail (notify[2]): delivered\nping (notify[3]): delivered\n",
    });
    const paths = http.received.map(({ url }) => url.replace(/\?.*/, ""));
    expect(new Set(paths)).toEqual(new Set(["/slack", "/webhook", "/ping/log"]));
    expect(paths).toHaveLength(3);
    expect(smtp.messages).toHaveLength(1);

    const one = await dataops.run(["notify", "test", "1"], { environment: {}, config });
    expect(one.stdout).toBe("webhook (notify[1]): delivered\n");
    const kind = await dataops.run(["notify", "test", "email", "--json"], { environment: {}, config });
    expect(kind.json()).toEqual({
      channels: [{ kind: "email", place: "notify[2]", delivered: true, problem: null, hint: null }],
    });
    expect(http.received).toHaveLength(4);
    expect(smtp.messages).toHaveLength(2);
  });

  test("says what was not delivered, and why", async ({ dataops }) => {
    await using broken = await startReceiver(answerWith(404, "no_service"));
    const config = {
      databases: DATABASES,
      notify: [
        { slack: broken.origin },
        { slack: "${NOT_SET}" },
        { sentry: { dsn: "https://abc@localhost/1" } },
      ],
    };
    const told = await dataops.run(["notify", "test"], { environment: {}, config });
    const { host } = new URL(broken.origin);
    expect(told, told.stderr).toMatchObject({ code: 3, stderr: "" });
    expect(told.stdout.split("\n").slice(0, 5)).toEqual([
      `slack (notify[0]): not delivered: ${host} answers 404: no_service`,
      "slack (notify[1]): not delivered: notify[1].slack in dataops.config.yaml: the variable NOT_SET is not set",
      "  hint: set NOT_SET, or NOT_SET_FILE to a file that holds it",
      "sentry (notify[2]): not delivered: the package @sentry/node cannot be loaded",
      "  hint: install it beside dataops: npm install @sentry/node",
    ]);
  });

  test("ends at once where it is told to", async ({ dataops }) => {
    await using silent = await startReceiver(hang);
    const config = { databases: DATABASES, notify: [{ slack: silent.origin }] };
    const process = await dataops.start(["notify", "test"], { environment: {}, config });
    await process.until("the notice is on its way", () => silent.received.length > 0);
    process.kill("SIGTERM");
    const ended = await process.exited;
    expect(ended, ended.stderr).toMatchObject({ code: 143 });
    expect(ended.took).toBeLessThan(10_000);
  });

  test("without a channel, or for one that is not there, is a mistake", async ({ dataops }) => {
    await expectFailure(
      dataops,
      ["notify", "test"],
      { environment: {}, config: { databases: DATABASES } },
      {
        code: 2,
        message: /^no notices are configured$/,
        hint: /notify: \[\{ slack:/,
      },
    );
    const config = { databases: DATABASES, notify: [{ slack: "https://hooks.example.com" }] };
    await expectFailure(
      dataops,
      ["notify", "test", "email"],
      { environment: {}, config },
      {
        code: 2,
        message: /^there is no channel "email" under notify$/,
        hint: /^configured: slack \(notify\[0\]\)$/,
      },
    );
  });
});

test("doctor says which channels this machine can use, and sends nothing", async ({ dataops }) => {
  await using receiver = await startReceiver(answerOk);
  const config = {
    notify: [{ slack: receiver.origin }, { ping: "${NOT_SET}", databases: ["production"] }],
    databases: DATABASES,
  };
  const doctor = await dataops.run(["doctor", "--json"], { environment: {}, config });
  expect(doctor.json()).toMatchObject({
    findings: expect.arrayContaining([
      expect.objectContaining({ subject: "slack (notify[0])", status: "ok" }),
      expect.objectContaining({
        subject: "ping (notify[1])",
        status: "warn",
        hint: "set NOT_SET, or NOT_SET_FILE to a file that holds it",
      }),
    ]) as unknown,
  });
  expect(receiver.received).toEqual([]);
});

test("no secret of a channel shows, whether it works, fails or is not one", async ({ dataops }) => {
  await using http = await startReceiver((response, count) =>
    answerWith(count % 2 === 0 ? 500 : 302, SENTINEL)(response, count),
  );
  await using smtp = await startSmtpReceiver({
    takesPasswords: true,
    reply: (verb) => (verb === "AUTH" ? `535 no: ${SENTINEL}` : undefined),
  });
  const { host } = new URL(http.origin);
  const channels = [
    { slack: `http://${host}/${SENTINEL}` },
    { slack: `http://localhost:1/${SENTINEL}` },
    { slack: `ftp://${SENTINEL}` },
    {
      webhook: {
        url: `http://u:${SENTINEL}@${host}/?t=${SENTINEL}`,
        headers: { Authorization: `Bearer ${SENTINEL}` },
      },
    },
    { webhook: { url: `http://${host}`, headers: { Token: `${SENTINEL}\n` } } },
    { email: { url: `smtp://a:${SENTINEL}@127.0.0.1:${smtp.port}`, from: "a@b", to: ["a@b"] } },
    { email: { url: `smtps://a:${SENTINEL}@127.0.0.1:${smtp.port}`, from: "a@b", to: ["a@b"] } },
    { email: { url: `mail://a:${SENTINEL}@b`, from: "a@b", to: ["a@b"] } },
    { sentry: { dsn: `https://${SENTINEL}@localhost:1/1` } },
    { sentry: { dsn: `https://localhost:1/${SENTINEL}` } },
    { ping: `http://${host}/${SENTINEL}` },
  ];
  const config = { databases: DATABASES, notify: channels };
  const wrong = {
    databases: DATABASES,
    notify: [...channels, { slack: SENTINEL, ping: SENTINEL, [SENTINEL.slice(0, 3)]: SENTINEL }],
  };
  const runs = [
    [["notify", "test"], config, 3],
    [["notify", "test", "--json"], config, 3],
    [["config", "show"], config, 0],
    [["config", "show", "--json"], config, 0],
    [["config", "validate"], config, 3],
    [["doctor", "--json"], config, 2],
    [["config", "validate", "--json"], wrong, 2],
    [["notify", "test"], wrong, 2],
  ] as const;
  for (const [args, used, code] of runs) {
    const ended = await dataops.run(args, { environment: {}, config: used });
    expect(ended, `${args.join(" ")}: ${ended.stderr}`).toMatchObject({ code });
    expect(ended.stdout + ended.stderr).not.toContain(SENTINEL);
  }
  expect(http.received.length).toBeGreaterThan(6);
  expect(smtp.commands.join("\n")).toContain("AUTH");
});
