import { DataopsError } from "../errors.ts";
import {
  lateValue,
  resolveLateValue,
  type Dereference,
  type LateOptions,
  type LateValue,
} from "./late-value.ts";
import { Secret } from "./secret.ts";
import type { CheckedThenJob } from "./then-schema.ts";

/** What is run once a database has been replaced. */
export type ThenJob = { reindex: string } | { command: readonly string[] } | ThenWebhook;

export interface ThenWebhook {
  /** Whoever knows it may call it. */
  webhook: LateValue<Secret>;
}

/** `options.origin` is where the job stands in the configuration, for messages: `seed.staging.then[0]`. */
export function readThenJob(job: CheckedThenJob, options: LateOptions): ThenJob {
  if (!("webhook" in job)) return job;
  return { webhook: lateWebhook(job.webhook, options) };
}

/** A URL that whoever knows it may call. */
export function lateWebhook(text: string, options: LateOptions): LateValue<Secret> {
  return lateValue([text], options, (dereference) => webhookUrl(text, options, dereference));
}

function webhookUrl(
  text: string,
  { origin: where, environment }: LateOptions,
  dereference: Dereference,
): Secret {
  const value = dereference(resolveLateValue(text, where, environment));
  if (/^https?:$/.test(URL.parse(value)?.protocol ?? "")) return new Secret(value);
  throw new DataopsError("usage", `${where}: what it holds is no http(s) URL`, {
    hint: "correct the variable, or the URL in the configuration",
  });
}
