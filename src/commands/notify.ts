import type { ChannelConfig } from "../config/config.ts";
import { DataopsError } from "../errors.ts";
import { humanDuration } from "../observe/human.ts";
import { channelTitle, sendNotice, sendPingTo } from "../notices/channels.ts";
import { testNotice, type Author } from "../notices/compose.ts";
import { deliver, type Delivery, type Sending } from "../notices/deliver.ts";
import { renderText } from "../notices/message.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { noticeAuthor } from "./job-notifier.ts";

export interface NotifyOptions {
  action: "test";
  channel?: string | undefined;
}

export const command: Command<NotifyOptions> = {
  options: (yargs) =>
    yargs
      .positional("action", {
        choices: ["test"] as const,
        demandOption: true,
        describe: "send a test notice through every channel",
      })
      .positional("channel", {
        type: "string",
        describe: "one channel only: its kind (`slack`), or its place in the list, from 0",
      }),
  run: runNotify,
  exits: ["warnings", "interrupted", "terminated"],
  examples: [
    ["dataops notify test", "does everybody hear it?"],
    ["dataops notify test email", "the same for e-mail alone"],
  ],
};

/** Sends a test notice, and says channel by channel whether it was delivered. A dead man's switch stays in its state. */
export async function runNotify(options: NotifyOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const channels = chosen(config.notify, options.channel);
  const author = noticeAuthor(config, context);
  const started = context.now();
  const deliveries = await deliver(
    channels.map((channel) => testOf(channel, author)),
    context.signal,
  );
  context.signal.throwIfAborted();
  const lines = deliveries.map((delivery) => describe(delivery, author));
  const all = deliveries.every(({ problem }) => problem === undefined);
  return {
    exit: all ? "done" : "warnings",
    data: {
      channels: deliveries.map(({ channel, problem, hint }) => ({
        kind: channel.kind,
        place: channel.place,
        delivered: problem === undefined,
        problem: problem === undefined ? null : author.redact(problem),
        hint: hint ?? null,
      })),
    },
    text: [...lines, ...(all ? [] : [`took ${humanDuration(context.now() - started)}`])].join("\n"),
  };
}

function testOf(channel: ChannelConfig, author: Author): Sending {
  const notice = testNotice(author);
  if (channel.kind !== "ping") return { channel, send: (signal) => sendNotice(channel, notice, signal) };
  // A success would be a lie that puts the alarm off.
  const ping = {
    signal: "log",
    runId: notice.id,
    text: `${notice.subject}\n\n${renderText(notice)}`,
  } as const;
  return { channel, send: (signal) => sendPingTo(channel, ping, signal) };
}

function describe({ channel, problem, hint }: Delivery, { redact }: Author): string {
  if (problem === undefined) return `${channelTitle(channel)}: delivered`;
  return redact(
    `${channelTitle(channel)}: not delivered: ${problem}${hint === undefined ? "" : `\n  hint: ${hint}`}`,
  );
}

function chosen(channels: readonly ChannelConfig[], wanted: string | undefined): readonly ChannelConfig[] {
  if (channels.length === 0) {
    throw new DataopsError("usage", "no notices are configured", {
      hint: 'add a channel, such as `notify: [{ slack: "${SLACK_WEBHOOK_URL}" }]`; docs/notices.md has all of them',
    });
  }
  if (wanted === undefined) return channels;
  const found = channels.filter(({ kind }, index) => kind === wanted || String(index) === wanted);
  if (found.length > 0) return found;
  throw new DataopsError("usage", `there is no channel ${JSON.stringify(wanted)} under notify`, {
    hint: `configured: ${channels.map(channelTitle).join(", ")}`,
  });
}
