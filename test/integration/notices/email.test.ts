import { readFile } from "node:fs/promises";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmailSettings } from "../../../src/config/config.ts";
import { Secret } from "../../../src/config/secret.ts";
import { parseMailServer } from "../../../src/config/mail-server.ts";
import { sendByEmail } from "../../../src/notices/channels/email.ts";
import { testNotice } from "../../../src/notices/compose.ts";
import { DeliveryError } from "../../../src/notices/delivery-error.ts";
import { makeCertificates, type Certificates } from "../../support/certificates.ts";
import { AUTHOR } from "../../support/notice-channels.ts";
import { listen } from "../../support/ports.ts";
import { startSmtpReceiver, type SmtpReceiver } from "../../support/smtp-receiver.ts";

const PASSWORD = "s3ntinel:/@ü";
const NOTICE = { ...testNotice(AUTHOR), id: "20261121T040000Z-aaaaaa/failure" };

let certificates: Certificates;
let secureContext: tls.SecureContext;
beforeAll(async () => {
  certificates = await makeCertificates("localhost");
  const { key, certificate } = certificates;
  secureContext = tls.createSecureContext({ key: await readFile(key), cert: await readFile(certificate) });
});
afterAll(() => certificates[Symbol.asyncDispose]());

function settingsFor(port: number, changes: Partial<EmailSettings["server"]> = {}): EmailSettings {
  return {
    kind: "email",
    server: { host: "localhost", port, isSecure: false, user: undefined, password: undefined, ...changes },
    from: "Backups <backups@example.com>",
    to: ["oncall@example.com", "Second <second@example.com>"],
  };
}

async function problemOf(settings: EmailSettings, milliseconds = 30_000): Promise<DeliveryError> {
  const thrown = await sendByEmail(settings, NOTICE, AbortSignal.timeout(milliseconds)).catch(
    (error: unknown) => error,
  );
  if (!(thrown instanceof DeliveryError)) throw new Error(`not a problem of delivery: ${String(thrown)}`);
  return thrown;
}

test("a message: to whom, from whom, and all that it says", async () => {
  await using server = await startSmtpReceiver();
  await sendByEmail(settingsFor(server.port), NOTICE, AbortSignal.timeout(30_000));
  await sendByEmail(settingsFor(server.port), NOTICE, AbortSignal.timeout(30_000));
  expect(server.commands).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^MAIL FROM:<backups@example\.com>/),
      "RCPT TO:<oncall@example.com>",
      "RCPT TO:<second@example.com>",
    ]),
  );
  const [message = "", again] = server.messages;
  const [head = "", ...body] = message.split("\n\n");
  expect(head.split("\n")).toEqual(
    expect.arrayContaining([
      "From: Backups <backups@example.com>",
      "To: oncall@example.com, Second <second@example.com>",
      "Subject: test of dataops' notices from ip-10-0-1-7",
      "Auto-Submitted: auto-generated",
      "Date: Sat, 21 Nov 2026 04:02:01 +0000",
      expect.stringMatching(/^Message-ID: <[0-9a-f]{32}@example\.com>$/),
    ]),
  );
  expect(body.join("\n\n").trimEnd()).toBe(
    [
      "test of dataops' notices from ip-10-0-1-7",
      "",
      "nothing happened: somebody ran `dataops notify test`",
      "",
      "at:       2026-11-21 04:02:01 UTC",
      "by:       dataops 0.1.0 on ip-10-0-1-7",
      "next:     dataops status",
    ].join("\n"),
  );
  expect(again, "the same notice is recognised as the same message").toBe(message);
});

test("a name with a line break begins no header", async () => {
  await using server = await startSmtpReceiver();
  const notice = { ...NOTICE, subject: "failed\r\nBcc: thief@example.com" };
  await sendByEmail(settingsFor(server.port), notice, AbortSignal.timeout(30_000));
  const [head = ""] = (server.messages[0] ?? "").split("\n\n");
  expect(head).toContain("Subject: failed Bcc: thief@example.com\n");
  expect(head).not.toMatch(/^Bcc:/m);
  expect(server.commands.join("\n")).not.toContain("thief");
});

describe("a password", () => {
  const login = { user: "mailer", password: new Secret(PASSWORD) };
  const plain = `AUTH PLAIN ${Buffer.from(`\0mailer\0${PASSWORD}`).toString("base64")}`;

  test("goes to this machine itself as it is", async () => {
    await using server = await startSmtpReceiver({ takesPasswords: true });
    await sendByEmail(settingsFor(server.port, login), NOTICE, AbortSignal.timeout(30_000));
    expect(server.commands).toContain(plain);
  });

  test("goes nowhere else unencrypted", async () => {
    await using server = await startSmtpReceiver({ takesPasswords: true });
    // Another name of this machine, which could be any machine's.
    const problem = await problemOf(settingsFor(server.port, { ...login, host: "0.0.0.0" }));
    expect(problem.message).toMatch(/^0\.0\.0\.0:\d+ offers no encryption that can be trusted \(ETLS/);
    expect(server.commands.join("\n")).not.toContain("AUTH");
    expect(server.messages).toEqual([]);
  });

  test("goes nowhere where the certificate is not trusted", async () => {
    await using server = await startSmtpReceiver({ takesPasswords: true, secureContext });
    const problem = await problemOf(settingsFor(server.port, login));
    expect(problem.message).toMatch(
      /^localhost:\d+ (offers no encryption that can be trusted|cannot be reached)/,
    );
    expect(server.commands.join("\n")).not.toContain("AUTH");
  });

  test("goes by STARTTLS where it is", async () => {
    await using _trust = await trustRoot();
    await using server = await startSmtpReceiver({ takesPasswords: true, secureContext });
    await sendByEmail(settingsFor(server.port, login), NOTICE, AbortSignal.timeout(30_000));
    expect(server.commands).toContain(`(tls) ${plain}`);
    expect(server.messages).toHaveLength(1);
  });

  test("that is wrong is repeated to nobody", async () => {
    const reply = (verb: string): string | undefined =>
      verb === "AUTH" ? `535 5.7.8 no: ${plain}` : undefined;
    await using server = await startSmtpReceiver({ takesPasswords: true, reply });
    const problem = await problemOf(settingsFor(server.port, login));
    expect(problem).toMatchObject({
      isTransient: false,
      message: `localhost:${server.port} does not take the user and the password (EAUTH, 535)`,
    });
  });
});

test.for<[string, (verb: string) => string | null | undefined, RegExp, boolean]>([
  [
    "does not know the receiver",
    (verb) => (verb === "RCPT" ? "550 5.1.1 who?" : undefined),
    /sender or a receiver \(EENVELOPE, 550\)$/,
    false,
  ],
  ["is busy", (verb) => (verb === "MAIL" ? "451 4.3.0 later" : undefined), /\(EENVELOPE, 451\)$/, true],
  [
    "does not take the message",
    (verb) => (verb === "END" ? "554 5.7.1 spam" : undefined),
    /does not take the message \(EMESSAGE, 554\)$/,
    false,
  ],
  [
    "speaks something else",
    (verb) => (verb === "EHLO" || verb === "HELO" ? "HTTP/1.1 400 Bad Request" : undefined),
    /^localhost:\d+ /,
    true,
  ],
])("a server that %s", async ([, reply, message, isTransient]) => {
  await using server = await startSmtpReceiver({ reply });
  const problem = await problemOf(settingsFor(server.port));
  expect(problem.message).toMatch(message);
  expect(problem.isTransient).toBe(isTransient);
  await expect.poll(() => server.connections()).toBe(0);
});

test.for(["EHLO", "AUTH", "MAIL", "DATA", "END"])(
  "a server that falls silent at %s is not waited for, and is left",
  async (silentAt) => {
    const reply = (verb: string): null | undefined => (verb === silentAt ? null : undefined);
    await using server = await startSmtpReceiver({ reply, takesPasswords: true });
    const started = performance.now();
    const login = { user: "mailer", password: new Secret(PASSWORD) };
    const problem = await problemOf(settingsFor(server.port, login), 600);
    expect(problem.message).toMatch(/^localhost:\d+ does not answer in time \(EABORT\)$/);
    expect(problem.isTransient).toBe(true);
    expect(performance.now() - started).toBeLessThan(2_000);
    await expect.poll(() => server.connections()).toBe(0);
  },
);

test("a receiver that the server does not know is told of, though the others got it", async () => {
  const reply = (verb: string, count: number): string | undefined =>
    verb === "RCPT" && count === 2 ? "550 5.1.1 who?" : undefined;
  await using server = await startSmtpReceiver({ reply });
  const problem = await problemOf(settingsFor(server.port));
  expect(problem).toMatchObject({
    message: `localhost:${server.port} took it, but not for 1 of 2 receivers`,
    // Those who got it would get it again.
    isTransient: false,
  });
  expect(server.messages).toHaveLength(1);
});

test("smtps: TLS from the first byte, verified", async () => {
  await using server = await startTlsServer();
  const settings = settingsFor(server.port, { isSecure: true });
  const untrusted = await problemOf(settings);
  expect(untrusted.message).toMatch(/^localhost:\d+ (cannot be reached|offers no encryption)/);
  expect(server.messages).toEqual([]);
  await using _trust = await trustRoot();
  await sendByEmail(settings, NOTICE, AbortSignal.timeout(30_000));
  expect(server.messages).toHaveLength(1);
});

test("a URL gives the server's parts", () => {
  const password = encodeURIComponent(PASSWORD);
  expect(parseMailServer(`smtps://mailer%40example.com:${password}@[::1]`)).toMatchObject({
    host: "::1",
    port: 465,
    isSecure: true,
    user: "mailer@example.com",
  });
  expect(parseMailServer(`smtp://a:${password}@mail`)?.password?.reveal()).toBe(PASSWORD);
  expect(parseMailServer("smtp://mail:2525")).toMatchObject({
    port: 2525,
    user: undefined,
    password: undefined,
  });
  for (const wrong of [
    "mail",
    "http://mail",
    "smtp://",
    "smtp://a:%zz@mail",
    "smtp://mail/path",
    "smtp://mail?x=1",
  ]) {
    expect(parseMailServer(wrong), wrong).toBeUndefined();
  }
});

/** Trusts the tests' own authority until it is disposed of. */
async function trustRoot(): Promise<AsyncDisposable> {
  const before = tls.getCACertificates("default");
  tls.setDefaultCACertificates([...before, await readFile(certificates.root, "utf8")]);
  return {
    [Symbol.asyncDispose]: () => {
      tls.setDefaultCACertificates(before);
      return Promise.resolve();
    },
  };
}

/** A mail server behind TLS. */
async function startTlsServer(): Promise<SmtpReceiver> {
  const inner = await startSmtpReceiver();
  const { connect } = await import("node:net");
  const outer = tls.createServer(
    { key: await readFile(certificates.key), cert: await readFile(certificates.certificate) },
    (socket) => {
      const onward = connect(inner.port, "127.0.0.1");
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
      socket.pipe(onward).pipe(socket);
    },
  );
  outer.on("tlsClientError", () => undefined);
  const port = await listen(outer);
  return {
    ...inner,
    port,
    [Symbol.asyncDispose]: async () => {
      await inner[Symbol.asyncDispose]();
      await new Promise<void>((resolve) => void outer.close(() => resolve()));
    },
  };
}
