import { createHash, timingSafeEqual } from "node:crypto";
import { isIPv4 } from "node:net";
import type { HttpCredentials } from "../config/config.ts";

/** Whether an `Authorization` header shows what is asked for. Takes as long for a wrong one as for the right one. Pure. */
export function mayEnter(header: string | undefined, { token, basic }: HttpCredentials): boolean {
  const [, scheme = "", value = ""] = /^(\S+) +(\S+)$/.exec(header ?? "") ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return token !== undefined && isSame(value, token.reveal());
    case "basic": {
      const shown = Buffer.from(value, "base64").toString("utf8");
      return basic !== undefined && isSame(shown, `${basic.user}:${basic.password.reveal()}`);
    }
    default:
      return false;
  }
}

function isSame(shown: string, expected: string): boolean {
  return timingSafeEqual(digest(shown), digest(expected));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whether an address to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/**
 * Whether a request to a loopback address was meant for it: a page that a browser loaded from elsewhere can have its own
 * name lead here, and that name is in the header. Pure.
 */
export function isMeantForLoopback(hostHeader: string | undefined): boolean {
  const name = (hostHeader ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return isLoopback(name.toLowerCase());
}
