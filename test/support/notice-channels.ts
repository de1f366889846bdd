import type { ChannelConfig, ChannelSettings } from "../../src/config/config.ts";
import { NOTICE_EVENTS } from "../../src/config/notify-schema.ts";
import { Secret } from "../../src/config/secret.ts";
import type { Author } from "../../src/notices/compose.ts";
import type { Patience } from "../../src/notices/deliver.ts";
import { knownValue } from "./known-value.ts";

/** For receivers that never answer: a test waits for its end. */
export const SHORT: Patience = { total: 2_200, attempt: 1_000, pause: 20, history: 300 };
/** For those that do, however busy the machine is. */
export const LONG: Patience = { total: 30_000, attempt: 14_000, pause: 20, history: 10_000 };

/** Who tells, in tests. */
export const AUTHOR: Author = {
  host: "ip-10-0-1-7",
  dataopsVersion: "0.1.0",
  now: () => Date.parse("2026-11-21T04:02:01Z"),
  redact: (text) => text,
};

/** A channel that is told everything. */
export function channelTo(
  settings: ChannelSettings,
  changes: Partial<Omit<ChannelConfig, "settings">> = {},
): ChannelConfig {
  return {
    kind: settings.kind,
    place: "notify[0]",
    on: NOTICE_EVENTS,
    jobs: undefined,
    databases: undefined,
    repeatEvery: 86_400_000,
    settings: knownValue(settings),
    ...changes,
  };
}

export function slackTo(url: string): ChannelConfig {
  return channelTo({ kind: "slack", url: new Secret(url) });
}

export function webhookTo(url: string, headers: Record<string, string> = {}): ChannelConfig {
  const secrets = Object.entries(headers).map(([name, value]) => [name, new Secret(value)] as const);
  return channelTo({ kind: "webhook", url: new Secret(url), headers: Object.fromEntries(secrets) });
}

export function pingTo(url: string): ChannelConfig {
  return channelTo({ kind: "ping", url: new Secret(url) });
}
