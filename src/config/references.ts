import type { Config } from "./config.ts";
import type { LateValue } from "./late-value.ts";
import type { SecretReference } from "./secret-reference.ts";
import type { ThenJob } from "./then.ts";

/** A secret that a configuration refers to. */
export interface ReferenceUse {
  reference: SecretReference;
  /** What it is for: `databases.production`; where there are several, the first. */
  path: string;
}

/**
 * The secrets that a configuration refers to, each once, as far as this machine has its variables. What is written wrongly is left
 * out: it is told where it is needed.
 */
export function referencesOf(config: Config): ReferenceUse[] {
  const uses = new Map<string, ReferenceUse>();
  for (const [path, value] of lateValuesOf(config)) {
    for (const reference of referencesIn(value)) {
      if (!uses.has(reference.text)) uses.set(reference.text, { reference, path });
    }
  }
  return [...uses.values()];
}

/** Every value that is put together when it is needed, by its path. */
export function lateValuesOf(config: Config): (readonly [path: string, value: LateValue<unknown>])[] {
  const { databases, search, notify, http, restore, seed, indexes } = config;
  const jobs = (section: string, name: string, list: readonly ThenJob[]) =>
    list.flatMap((job, index) =>
      "webhook" in job ? [[`${section}.${name}.then[${index}]`, job.webhook] as const] : [],
    );
  return [
    ...Object.entries(databases).map(([name, { connection }]) => [`databases.${name}`, connection] as const),
    ...Object.entries(search).map(([name, { connection }]) => [`search.${name}`, connection] as const),
    ...notify.map(({ place, settings }) => [place, settings] as const),
    ...(http.credentials === undefined ? [] : [["http", http.credentials] as const]),
    ...Object.entries(indexes).flatMap(([name, { driver }]) =>
      typeof driver === "object" && "webhook" in driver ? [[`indexes.${name}`, driver.webhook] as const] : [],
    ),
    ...Object.entries(restore).flatMap(([name, { thenJobs }]) => jobs("restore", name, thenJobs)),
    ...Object.entries(seed).flatMap(([name, { thenJobs }]) => jobs("seed", name, thenJobs)),
  ];
}

function referencesIn(value: LateValue<unknown>): SecretReference[] {
  try {
    return value.references();
  } catch {
    return [];
  }
}
