import { DataopsError } from "../errors.ts";
import type { Environment } from "./environment.ts";
import { interpolate, InterpolationError } from "./interpolate.ts";
import { parseSecretReference, type SecretReference, type SecretSource } from "./secret-reference.ts";
import { readVariable } from "./variables.ts";

/**
 * A value that is put together when it is needed: other machines have the variables that it takes, or may read the secrets that it
 * refers to.
 */
export interface LateValue<T> {
  /**
   * The secrets that it refers to, as far as this machine has the variables.
   *
   * @throws DataopsError `usage` for what begins as a reference does, and is none
   */
  references(): SecretReference[];
  /**
   * The value, as far as it is known without asking anybody; undefined where it refers to secrets that were not asked for yet.
   *
   * @throws DataopsError `usage` where a variable is not set, or the value is not as it has to be
   */
  peek(): T | undefined;
  /**
   * The value. Secrets are asked for each time; their source remembers them for a while.
   *
   * @throws DataopsError as `peek`, and as `SecretSource.read`
   */
  resolve(signal?: AbortSignal): Promise<T>;
}

/** Puts what a reference stands for in its place; gives every other text back. */
export type Dereference = (text: string) => string;

export interface LateOptions {
  /** Where it stands, for messages: `databases.production.url in dataops.config.yaml`. */
  origin: string;
  environment: Environment;
  secrets: SecretSource;
}

/** Where the configuration is read by itself, as tests do, nobody knows a secret. */
export const NO_SECRETS: SecretSource = {
  read: ({ text }) => Promise.reject(new Error(`there is nobody to ask for ${text}`)),
  refresh: () => undefined,
};

/**
 * A value made by `build` of `texts`, in each of which a variable may stand, and which may be a reference after that. `build` is
 * pure, and puts every one of the texts through `dereference` once its variables are in.
 */
export function lateValue<T>(
  texts: readonly string[],
  options: LateOptions,
  build: (dereference: Dereference) => T,
): LateValue<T> {
  let last: { value: T } | undefined;
  const references = (): SecretReference[] => texts.flatMap((text) => referenceIn(text, options) ?? []);
  return {
    references,
    peek() {
      if (last === undefined && references().length === 0) last = { value: build((text) => text) };
      return last?.value;
    },
    async resolve(signal) {
      const found = references();
      if (found.length === 0 && last !== undefined) return last.value;
      const values = await Promise.all(
        found.map(async (one) => [one.text, await options.secrets.read(one, signal)] as const),
      );
      const known = new Map(values);
      last = { value: build((text) => known.get(text) ?? text) };
      return last.value;
    },
  };
}

/** Undefined also where a variable is not set: `build` says so better. */
function referenceIn(
  text: string,
  { origin, environment }: Pick<LateOptions, "origin" | "environment">,
): SecretReference | undefined {
  try {
    return parseSecretReference(interpolate(text, (name) => readVariable(environment, name)).value);
  } catch (error) {
    if (error instanceof InterpolationError) return undefined;
    if (!(error instanceof RangeError)) throw error;
    throw new DataopsError("usage", `${origin}: ${error.message}`, {
      hint: "quote it in the file, for # begins a comment after a space",
    });
  }
}

/**
 * Puts variables into a value that is needed only now. `origin` is where it stands, for messages.
 *
 * @throws DataopsError `usage` where a variable is not set, or none is what is written there
 */
export function resolveLateValue(text: string, origin: string, environment: Environment): string {
  try {
    return interpolate(text, (name) => readVariable(environment, name)).value;
  } catch (error) {
    if (!(error instanceof InterpolationError)) throw error;
    const { variable } = error;
    throw new DataopsError("usage", `${origin}: ${error.message}`, {
      hint:
        variable === undefined
          ? "write $${ for a literal ${"
          : `set ${variable}, or ${variable}_FILE to a file that holds it`,
      cause: error,
    });
  }
}

/** Where texts take their values from, for their origin: `, from ${DATABASE_URL}, secretsmanager:prod/app#url`. */
export function sourcesOf(
  texts: readonly string[],
  options: Pick<LateOptions, "origin" | "environment">,
): string {
  const names = texts.flatMap((text) => [
    ...[...text.matchAll(/(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name]) => `\${${name}}`),
    ...[wellWritten(text, options)].flatMap((reference) => reference?.text ?? []),
  ]);
  return names.length === 0 ? "" : `, from ${names.join(", ")}`;
}

/** What is written wrongly is told where the value is needed. */
function wellWritten(
  text: string,
  options: Pick<LateOptions, "origin" | "environment">,
): SecretReference | undefined {
  try {
    return referenceIn(text, options);
  } catch {
    return undefined;
  }
}
