import type { WebhookSettings } from "../../config/config.ts";
import { EXIT_CODES } from "../../errors.ts";
import { renderText } from "../message.ts";
import type { Notice } from "../notice.ts";
import { post } from "../post.ts";

/** Of the document below. Keys may be added to it without a new one. */
const WEBHOOK_FORMAT = 1;

/** Posts a JSON document, as docs/notices.md describes it. */
export async function sendToWebhook(
  { url, headers }: WebhookSettings,
  notice: Notice,
  signal: AbortSignal,
): Promise<void> {
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.reveal()] as const);
  await post(
    {
      url: url.reveal(),
      headers: { "content-type": "application/json", ...Object.fromEntries(own) },
      body: JSON.stringify(webhookDocument(notice)),
    },
    signal,
  );
}

/** What a program is told. Absent things are null, so that every key is always there. */
function webhookDocument(notice: Notice): Record<string, unknown> {
  const { event, id, at, subject, details, hint, next, host, dataopsVersion, job, run } = notice;
  return {
    format: WEBHOOK_FORMAT,
    event,
    id,
    at: new Date(at).toISOString(),
    subject,
    text: renderText(notice),
    details,
    hint: hint ?? null,
    next,
    host,
    dataopsVersion,
    job: job ?? null,
    run:
      run === undefined ? null : { ...run, exitCode: run.exit === null ? null : EXIT_CODES[run.exit].code },
  };
}
