import { placeInReference, type SecretReference, type SecretSource } from "../config/secret-reference.ts";
import type { Environment } from "../config/environment.ts";
import { untilAborted } from "../until-aborted.ts";
import { secretError } from "./secret-error.ts";
import { valueOf } from "./secret-value.ts";

/** Milliseconds that AWS may take for one secret, with all tries. */
const DEADLINE = 20_000;
/** Milliseconds that a secret is remembered: what serves all day shall see a rotation, too. */
const LIFETIME = 5 * 60_000;

/** Asks a service of AWS for what it holds under a name; undefined for what is no text. */
export type AskAws = (reference: SecretReference, signal: AbortSignal) => Promise<string | undefined>;

export interface SecretSourceOptions {
  /** Where the region's name is looked for, for messages. */
  environment: Environment;
  /** The current time in milliseconds since the epoch. */
  now: () => number;
  ask?: AskAws;
  /** Milliseconds, in place of 20 s. */
  deadline?: number;
}

interface Remembered {
  /** Milliseconds since the epoch. */
  until: number;
  content: Promise<string | undefined>;
}

/** Secrets of AWS. One that was read is remembered for five minutes; one that could not be, is not. */
export function secretSource(options: SecretSourceOptions): SecretSource {
  const { environment, now, ask = askAws, deadline = DEADLINE } = options;
  const remembered = new Map<string, Remembered>();

  const contentOf = (reference: SecretReference): Promise<string | undefined> => {
    const id = `${reference.service}:${reference.name}`;
    const known = remembered.get(id);
    if (known !== undefined && known.until > now()) return known.content;
    const content = withDeadline(deadline, (signal) => ask(reference, signal));
    const entry = { until: now() + LIFETIME, content };
    remembered.set(id, entry);
    content.catch(() => {
      if (remembered.get(id) === entry) remembered.delete(id);
    });
    return content;
  };

  return {
    async read(reference, signal) {
      signal?.throwIfAborted();
      try {
        return valueOf(reference, await untilAborted(contentOf(reference), signal));
      } catch (error) {
        signal?.throwIfAborted();
        const region =
          placeInReference(reference)?.region ??
          environment["AWS_REGION"] ??
          environment["AWS_DEFAULT_REGION"];
        throw secretError(error, reference, region);
      }
    },
    refresh: () => remembered.clear(),
  };
}

/** Each client is loaded with the first reference to its service: most configurations have none. */
async function askAws(reference: SecretReference, signal: AbortSignal): Promise<string | undefined> {
  if (reference.service === "ssm") {
    const { readParameter } = await import("./aws-parameters.ts");
    return await readParameter(reference, signal);
  }
  const { readSecret } = await import("./aws-secrets.ts");
  return await readSecret(reference, signal);
}

/** Whoever looks for credentials may not heed the signal: the wait ends all the same. */
async function withDeadline<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(milliseconds);
  return await untilAborted(work(signal), signal);
}
