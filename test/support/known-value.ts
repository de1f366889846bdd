import { lateValue, NO_SECRETS, type LateOptions, type LateValue } from "../../src/config/late-value.ts";

/** What a value of the configuration is read with, where no variable is set and nobody is asked for secrets. */
export const NOTHING: Omit<LateOptions, "origin"> = { environment: {}, secrets: NO_SECRETS };

/** A value of the configuration that is known from the start. */
export function knownValue<T>(value: T): LateValue<T> {
  return lateValue([], { ...NOTHING, origin: "a test" }, () => value);
}
