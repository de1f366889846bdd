import type { Secret } from "../../config/secret.ts";
import { DataopsError } from "../../errors.ts";

/** Milliseconds until a webhook has to have answered. */
const TIMEOUT = 15_000;

/**
 * Tells a webhook, by POST with JSON. Nothing of its URL or answer but the status is ever shown.
 *
 * @throws DataopsError `failed` where it does not answer with success; after an abort: the signal's reason
 */
export async function callWebhook(
  url: Secret,
  event: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<void> {
  let status: number;
  try {
    const response = await fetch(url.reveal(), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(event),
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]),
    });
    status = response.status;
    await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    const isTimeout = error instanceof Error && error.name === "TimeoutError";
    throw new DataopsError(
      "failed",
      isTimeout ? `no answer within ${TIMEOUT / 1000} s` : "it could not be reached",
      { cause: error },
    );
  }
  if (status < 200 || status > 299) throw new DataopsError("failed", `it answered with status ${status}`);
}
