import type { ChannelConfig } from "../config/config.ts";
import type { Job } from "../repository/job.ts";
import { sendByEmail } from "./channels/email.ts";
import { sendPing } from "./channels/ping.ts";
import { sendToSentry } from "./channels/sentry.ts";
import { sendToSlack } from "./channels/slack.ts";
import { sendToWebhook } from "./channels/webhook.ts";
import type { Notice, Ping } from "./notice.ts";

/** Whether a channel is there for a job at all. */
export function concerns({ jobs, databases }: ChannelConfig, job: Job): boolean {
  return (jobs?.includes(job.kind) ?? true) && (databases?.includes(job.database) ?? true);
}

/** How a channel is named to people: `slack (notify[0])`. */
export function channelTitle({ kind, place }: ChannelConfig): string {
  return `${kind} (${place})`;
}

/**
 * Sends one notice.
 *
 * @throws DeliveryError, and DataopsError `usage` where the channel's settings cannot be used
 */
export async function sendNotice(channel: ChannelConfig, notice: Notice, signal: AbortSignal): Promise<void> {
  const settings = await channel.settings.resolve(signal);
  switch (settings.kind) {
    case "slack":
      return sendToSlack(settings, notice, signal);
    case "webhook":
      return sendToWebhook(settings, notice, signal);
    case "email":
      return sendByEmail(settings, notice, signal);
    case "sentry":
      return sendToSentry(settings, notice, signal);
    case "ping":
      throw new Error("a ping channel takes pings");
  }
}

/**
 * Tells a dead man's switch.
 *
 * @throws DeliveryError, and DataopsError `usage` where the channel's settings cannot be used
 */
export async function sendPingTo(channel: ChannelConfig, ping: Ping, signal: AbortSignal): Promise<void> {
  const settings = await channel.settings.resolve(signal);
  if (settings.kind !== "ping") throw new Error("only a ping channel takes pings");
  return sendPing(settings, ping, signal);
}
