import { readFile } from "node:fs/promises";
import tls from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ChannelConfig } from "../../../src/config/config.ts";
import { sendNotice } from "../../../src/notices/channels.ts";
import { testNotice } from "../../../src/notices/compose.ts";
import { deliver, type Delivery } from "../../../src/notices/deliver.ts";
import { makeCertificates } from "../../support/certificates.ts";
import {
  answerEndlessly,
  answerOk,
  answerWith,
  drip,
  hang,
  reset,
  startReceiver,
  type Answer,
} from "../../support/http-receiver.ts";
import { AUTHOR, LONG, SHORT, slackTo, webhookTo } from "../../support/notice-channels.ts";
import { freePort } from "../../support/ports.ts";

const DELIVERED = /^delivered$/;
/** A path that is a secret, as webhooks' paths are. */
const PATH = "/services/T0SENTINEL/B0SENTINEL/s3ntinels3ntinel?token=s3ntinel";

async function deliverTest(
  channels: readonly ChannelConfig[],
  patience = LONG,
): Promise<{ deliveries: Delivery[]; took: number }> {
  const notice = testNotice(AUTHOR);
  const started = performance.now();
  const sendings = channels.map((channel) => ({
    channel,
    send: (signal: AbortSignal) => sendNotice(channel, notice, signal),
  }));
  const deliveries = await deliver(sendings, new AbortController().signal, patience);
  return { deliveries, took: performance.now() - started };
}

describe("a receiver that", () => {
  const elsewhere = "http://elsewhere.invalid/";
  test.for<[string, Answer, RegExp, number]>([
    ["takes it", answerOk, DELIVERED, 1],
    ["fails", answerWith(500, "no"), /^HOST answers 500$/, 2],
    ["fails once", (response, count) => answerWith(count === 1 ? 503 : 200)(response, count), DELIVERED, 2],
    ["has had enough", answerWith(429), /^HOST answers 429$/, 2],
    ["refuses, in a word", answerWith(404, "no_service"), /^HOST answers 404: no_service$/, 1],
    ["refuses, and repeats what it got", answerWith(403, PATH), /^HOST answers 403$/, 1],
    ["breaks the connection", reset, /^HOST broke the connection$/, 2],
    ["sends us elsewhere", answerWith(302, "", { location: elsewhere }), /^HOST answers 302, a redirect/, 1],
    [
      "sends us elsewhere for good",
      answerWith(308, "", { location: elsewhere }),
      /^HOST answers 308, a redirect/,
      1,
    ],
    ["answers well, and never ends", answerEndlessly(200), DELIVERED, 1],
    ["answers badly, and never ends", answerEndlessly(500), /^HOST answers 500$/, 2],
  ])("%s", async ([, answer, problem, tries]) => {
    await using receiver = await startReceiver(answer);
    const { deliveries, took } = await deliverTest([slackTo(receiver.origin + PATH)]);
    const said = deliveries[0]?.problem?.replace(new URL(receiver.origin).host, "HOST");
    expect(said ?? "delivered").toMatch(problem);
    expect(took).toBeLessThan(LONG.total);
    expect(receiver.received).toHaveLength(tries);
    expect(receiver.received.every(({ url }) => url === PATH)).toBe(true);
  });
});

test.for<[string, Answer]>([
  ["hangs", hang],
  ["answers a byte at a time", drip],
])("a receiver that %s is asked twice, and not waited for any longer", async ([, answer]) => {
  await using receiver = await startReceiver(answer);
  const { deliveries, took } = await deliverTest([slackTo(receiver.origin + PATH)], SHORT);
  expect(deliveries[0]?.problem).toBe(`${new URL(receiver.origin).host} does not answer in time`);
  expect(took).toBeLessThan(SHORT.total + 500);
  expect(receiver.received).toHaveLength(2);
});

test("an endless answer is not read on after it was judged", async () => {
  await using receiver = await startReceiver(answerEndlessly(200));
  const { deliveries } = await deliverTest([slackTo(receiver.origin)]);
  expect(deliveries).toMatchObject([{ problem: undefined }]);
  await expect.poll(() => receiver.connections()).toBe(0);
});

test("nobody listens", async () => {
  const port = await freePort();
  const { deliveries } = await deliverTest([slackTo(`http://127.0.0.1:${port}${PATH}`)]);
  expect(deliveries[0]?.problem).toBe(`127.0.0.1:${port} refuses the connection`);
});

test("a name that is none", async () => {
  const { deliveries, took } = await deliverTest([slackTo(`https://hooks.invalid${PATH}`)]);
  expect(deliveries[0]?.problem).toMatch(/^hooks\.invalid (has no address|does not answer in time)/);
  expect(took).toBeLessThan(LONG.total);
});

test("a certificate that nobody trusts, and one of an authority that is trusted", async () => {
  await using certificates = await makeCertificates("localhost");
  const [key, cert] = await Promise.all([readFile(certificates.key), readFile(certificates.certificate)]);
  await using receiver = await startReceiver(answerOk, { key, cert });
  const { deliveries } = await deliverTest([slackTo(receiver.origin + PATH)]);
  expect(deliveries[0]?.problem).toMatch(/^localhost:\d+ shows no certificate that can be trusted \(/);
  expect(receiver.received).toEqual([]);

  const before = tls.getCACertificates("default");
  onTestFinished(() => tls.setDefaultCACertificates(before));
  tls.setDefaultCACertificates([...before, await readFile(certificates.root, "utf8")]);
  await expect(deliverTest([slackTo(receiver.origin + PATH)])).resolves.toMatchObject({
    deliveries: [{ problem: undefined }],
  });
});

test("one that hangs keeps nobody else waiting, and takes no longer than it may", async () => {
  await using slow = await startReceiver(hang);
  await using quick = await startReceiver(answerOk);
  const { deliveries, took } = await deliverTest(
    [slackTo(slow.origin), webhookTo(quick.origin), slackTo(slow.origin), slackTo(slow.origin)],
    SHORT,
  );
  expect(deliveries.map(({ problem }) => problem === undefined)).toEqual([false, true, false, false]);
  expect(took).toBeLessThan(SHORT.total + 500);
});

test("the program's end ends it at once", async () => {
  await using slow = await startReceiver(hang);
  const end = new AbortController();
  const channel = slackTo(slow.origin);
  const sending = { channel, send: (signal: AbortSignal) => sendNotice(channel, testNotice(AUTHOR), signal) };
  const delivering = deliver([sending], end.signal, { total: 60_000, attempt: 60_000, pause: 0, history: 0 });
  await expect.poll(() => slow.received.length).toBe(1);
  end.abort();
  await expect(delivering).resolves.toMatchObject([
    { problem: expect.stringContaining("in time") as unknown },
  ]);
});

test("a channel that heeds no signal is left behind", async () => {
  const channel = slackTo("http://unused.invalid/");
  const sending = { channel, send: () => new Promise<void>(() => undefined) };
  const [delivery] = await deliver([sending], new AbortController().signal, SHORT);
  expect(delivery?.problem).toBe("it took too long");
});

test("Slack gets text in which nothing is a mention or a link", async () => {
  await using receiver = await startReceiver(answerOk);
  const channel = slackTo(receiver.origin + PATH);
  const notice = {
    ...testNotice(AUTHOR),
    event: "failure" as const,
    subject: "backup production failed on ip-10-0-1-7",
    details: ["<!channel> said ```no``` & <https://evil.invalid|click>"],
    hint: "`dataops doctor`",
  };
  await sendNotice(channel, notice, AbortSignal.timeout(5_000));
  const [request] = receiver.received;
  expect(request).toMatchObject({
    method: "POST",
    url: PATH,
    headers: { "content-type": "application/json" },
  });
  expect(JSON.parse(request?.body ?? "")).toEqual({
    text: [
      ":red_circle: *backup production failed on ip-10-0-1-7*",
      "```",
      "&lt;!channel&gt; said '''no''' &amp; &lt;https://evil.invalid|click&gt;",
      "hint: `dataops doctor`",
      "",
      "at:       2026-11-21 04:02:01 UTC",
      "by:       dataops 0.1.0 on ip-10-0-1-7",
      "next:     dataops status",
      "```",
    ].join("\n"),
  });
});

test("a webhook gets its headers, and basic authentication from its URL", async () => {
  await using receiver = await startReceiver(answerOk);
  const url = receiver.origin.replace("//", "//user:p%40ss@");
  await sendNotice(webhookTo(url, { "X-Token": "t0ken" }), testNotice(AUTHOR), AbortSignal.timeout(5_000));
  await sendNotice(
    webhookTo(url, { Authorization: "Bearer t0ken" }),
    testNotice(AUTHOR),
    AbortSignal.timeout(5_000),
  );
  expect(receiver.received.map(({ headers }) => [headers.authorization, headers["x-token"]])).toEqual([
    [`Basic ${Buffer.from("user:p@ss").toString("base64")}`, "t0ken"],
    ["Bearer t0ken", undefined],
  ]);
});
