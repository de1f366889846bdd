import type { IndexConfig } from "./config.ts";
import type { CheckedIndex } from "./index-schema.ts";
import type { LateOptions } from "./late-value.ts";
import { lateWebhook } from "./then.ts";

/** An index of `indexes`, as the schema checked it. */
export function readIndex(
  name: string,
  checked: CheckedIndex,
  late: Omit<LateOptions, "origin">,
): IndexConfig {
  const { driver, ...rest } = checked;
  if (driver === "builtin" || "command" in driver) return { ...rest, driver };
  const origin = `indexes.${name}.driver.webhook`;
  return { ...rest, driver: { ...driver, webhook: lateWebhook(driver.webhook, { ...late, origin }) } };
}
