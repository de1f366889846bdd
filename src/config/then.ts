import { DataopsError } from "../errors.ts";
import type { Environment } from "./environment.ts";
import { interpolate, InterpolationError } from "./interpolate.ts";
import { Secret } from "./secret.ts";
import type { CheckedThenJob } from "./then-schema.ts";
import { readVariable } from "./variables.ts";

/** What is run once a database has been replaced. */
export type ThenJob = { reindex: string } | { command: readonly string[] } | ThenWebhook;

export interface ThenWebhook {
  /**
   * Whoever knows it may call it. Worked out when first asked for: other machines have the variables that it needs.
   *
   * @throws DataopsError `usage` where a variable is not set, or it is no URL
   */
  webhook(): Secret;
}

/** @param where of the job in the configuration, for messages: `seed.staging.then[0]` */
export function readThenJob(job: CheckedThenJob, where: string, environment: Environment): ThenJob {
  if (!("webhook" in job)) return job;
  return { webhook: () => webhookUrl(job.webhook, where, environment) };
}

function webhookUrl(text: string, where: string, environment: Environment): Secret {
  try {
    const { value } = interpolate(text, (name) => readVariable(environment, name));
    if (/^https?:$/.test(URL.parse(value)?.protocol ?? "")) return new Secret(value);
  } catch (error) {
    if (!(error instanceof InterpolationError)) throw error;
    throw new DataopsError("usage", `${where}: ${error.message}`, {
      hint: "set the variable, or take the webhook out of the configuration",
      cause: error,
    });
  }
  throw new DataopsError("usage", `${where}: what it holds is no http(s) URL`, {
    hint: "correct the variable, or the URL in the configuration",
  });
}
