import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { EmailSettings } from "../../config/config.ts";
import { DeliveryError } from "../delivery-error.ts";
import { renderText } from "../message.ts";
import type { Notice } from "../notice.ts";

/** What nodemailer calls it, and how we do: its own messages repeat what the server said. */
const PROBLEMS: Readonly<Record<string, string>> = {
  EABORT: "does not answer in time",
  ETIMEDOUT: "does not answer in time",
  EAUTH: "does not take the user and the password",
  ECONNECTION: "broke the connection",
  EDNS: "has no address",
  EENVELOPE: "does not take the sender or a receiver",
  EMESSAGE: "does not take the message",
  EPROTOCOL: "does not speak SMTP",
  ESOCKET: "cannot be reached",
  ETLS: "offers no encryption that can be trusted",
};

/** Bytes of one answer of the server's. */
const MAX_ANSWER = 16 * 1024;

/** Sends a notice as e-mail. A password is never sent unencrypted, but to this machine itself. */
export async function sendByEmail(
  settings: EmailSettings,
  notice: Notice,
  signal: AbortSignal,
): Promise<void> {
  const { host, port, isSecure, user, password } = settings.server;
  const { createTransport } = await import("nodemailer");
  const transport = createTransport({
    host,
    port,
    secure: isSecure,
    requireTLS: !isSecure && user !== undefined && !isThisMachine(host),
    ...(user === undefined ? {} : { auth: { user, pass: password?.reveal() ?? "" } }),
    socketCloseTimeout: 0,
    maxResponseSize: MAX_ANSWER,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const { rejected } = await transport.sendMail({
      from: settings.from,
      to: [...settings.to],
      subject: notice.subject,
      text: `${notice.subject}\n\n${renderText(notice)}\n`,
      messageId: messageIdOf(notice, settings.from),
      date: new Date(notice.at),
      // Nobody's holiday answers to a machine.
      headers: { "auto-submitted": "auto-generated" },
      signal,
    });
    if (rejected.length > 0) {
      const message = `${host}:${port} took it, but not for ${rejected.length} of ${settings.to.length} receivers`;
      throw new DeliveryError(message, { isTransient: false });
    }
  } catch (error) {
    throw mailProblem(`${host}:${port}`, error);
  } finally {
    transport.close();
  }
}

/** The same at each try, so that a message which arrives twice is recognised. */
function messageIdOf({ id }: Notice, from: string): string {
  const domain = /@([^\s@<>]+)>?$/.exec(from)?.[1] ?? "dataops.invalid";
  return `<${createHash("sha256").update(id).digest("hex").slice(0, 32)}@${domain}>`;
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function mailProblem(server: string, error: unknown): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const code = textOf(error, "code") ?? "";
  const reply = numberOf(error, "responseCode");
  const problem = PROBLEMS[code] ?? "did not take the message";
  const told = reply === undefined ? code : `${code}, ${reply}`;
  // A reply of 4xx is "not now"; without one it is the connection that failed.
  const isTransient = reply === undefined ? code !== "ETLS" && code !== "EAUTH" : reply < 500;
  return new DeliveryError(`${server} ${problem}${told === "" ? "" : ` (${told})`}`, {
    isTransient,
    cause: error,
  });
}

function textOf(error: unknown, key: string): string | undefined {
  const value = property(error, key);
  return typeof value === "string" ? value : undefined;
}

function numberOf(error: unknown, key: string): number | undefined {
  const value = property(error, key);
  return typeof value === "number" ? value : undefined;
}

function property(error: unknown, key: string): unknown {
  return typeof error === "object" && error !== null
    ? Object.getOwnPropertyDescriptor(error, key)?.value
    : undefined;
}
