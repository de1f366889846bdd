import type { ConnectionSettings } from "../config/connection.ts";
import type { Environment } from "../config/environment.ts";
import { Secret } from "../config/secret.ts";
import { DataopsError, messageOf } from "../errors.ts";
import { untilAborted } from "../until-aborted.ts";
import { passwordFromPassfile } from "./passfile.ts";
import { describePlace } from "./postgres-error.ts";

/** Milliseconds that the credentials for a token may take: a task's role is a request away. */
const DEADLINE = 15_000;

/**
 * The settings with the password that is to be used now, for one connection or one program. A token of Amazon RDS lasts 15
 * minutes, and is needed only to log in: it is made anew each time, on this machine.
 *
 * @throws DataopsError `notPermitted` where there are no credentials of AWS to make it with; the signal's reason
 */
export async function withFreshPassword(
  settings: ConnectionSettings,
  signal: AbortSignal | undefined,
): Promise<ConnectionSettings> {
  const { rdsToken, host, port, user } = settings;
  if (rdsToken === undefined) return settings;
  signal?.throwIfAborted();
  try {
    const token = await untilAborted(
      tokenFor({ host, port, user, region: rdsToken.region }),
      AbortSignal.any([AbortSignal.timeout(DEADLINE), ...(signal === undefined ? [] : [signal])]),
    );
    return { ...settings, password: new Secret(token), rdsToken: undefined };
  } catch (error) {
    signal?.throwIfAborted();
    const [why = ""] = messageOf(error).split("\n", 1);
    throw new DataopsError("notPermitted", `no token can be made for ${describePlace(settings)}: ${why}`, {
      hint: "check the credentials: AWS_PROFILE, the task's role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
      cause: error,
    });
  }
}

/** The password to use now: the settings' own, a fresh token, or that of the user's passfile; undefined where there is none. */
export async function currentPassword(
  settings: ConnectionSettings,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { password } = await withFreshPassword(settings, signal);
  return password?.reveal() ?? (await passwordFromPassfile(settings, environment));
}

/** Loaded only where it is needed: it brings AWS's whole chain of credentials. */
async function tokenFor(request: {
  host: string;
  port: number;
  user: string;
  region: string;
}): Promise<string> {
  const { makeRdsToken } = await import("./rds-token.ts");
  return await makeRdsToken(request);
}
