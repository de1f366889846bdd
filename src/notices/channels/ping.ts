import { createHash } from "node:crypto";
import type { PingSettings } from "../../config/config.ts";
import { DeliveryError } from "../delivery-error.ts";
import type { Ping } from "../notice.ts";
import { post } from "../post.ts";

const PATHS = { start: "/start", success: "", fail: "/fail", log: "/log" } as const satisfies Record<
  Ping["signal"],
  string
>;

/** healthchecks.io takes every ping with 200, and says in the text where it will not count: `OK (not found)`. */
const NOT_COUNTED = /^OK \((not found|rate limited)\)/;

/** Tells a dead man's switch, in the grammar of healthchecks.io, which others speak as well. */
export async function sendPing({ url }: PingSettings, ping: Ping, signal: AbortSignal): Promise<void> {
  const target = new URL(url.reveal());
  target.pathname = target.pathname.replace(/\/+$/, "") + PATHS[ping.signal];
  target.searchParams.set("rid", uuidOfRun(ping.runId));
  const headers = { "content-type": "text/plain; charset=utf-8" };
  const answer = await post({ url: target.href, headers, body: ping.text }, signal);
  const [, reason] = NOT_COUNTED.exec(answer) ?? [];
  if (reason !== undefined) {
    throw new DeliveryError(`${target.host} did not count it: ${reason}`, { isTransient: false });
  }
}

/** The `rid` has to be a UUID: one that follows from the run's id, so that whoever reports a run's end knows it (RFC 9562, version 8). */
export function uuidOfRun(runId: string): string {
  const bytes = createHash("sha256").update(`dataops run ${runId}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
