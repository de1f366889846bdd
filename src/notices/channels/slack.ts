import type { SlackSettings } from "../../config/config.ts";
import { renderText } from "../message.ts";
import type { Notice } from "../notice.ts";
import { post } from "../post.ts";

const SYMBOLS = {
  failure: ":red_circle:",
  stale: ":red_circle:",
  suspect: ":warning:",
  recovery: ":large_green_circle:",
  test: ":wave:",
} as const satisfies Record<Notice["event"], string>;

/** Posts to an incoming webhook of Slack's, or of what takes the same: `text` alone is understood by all of them. */
export async function sendToSlack(
  { url }: SlackSettings,
  notice: Notice,
  signal: AbortSignal,
): Promise<void> {
  await post(
    {
      url: url.reveal(),
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: slackText(notice) }),
    },
    signal,
  );
}

/**
 * The subject, and below it the rest as it is: in a block of code nobody is mentioned, and nothing is a link, whatever a server's
 * message holds.
 */
function slackText(notice: Notice): string {
  const subject = `${SYMBOLS[notice.event]} *${escape(notice.subject).replaceAll("*", "∗")}*`;
  return `${subject}\n\`\`\`\n${escape(renderText(notice)).replaceAll("```", "'''")}\n\`\`\``;
}

/** The three characters that Slack takes for its own. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
