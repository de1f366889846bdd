import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

/** What a team copies from `deploy/`. */

export const KIT = fileURLToPath(new URL("../../deploy", import.meta.url));

/** Something of a YAML document; what is not there is undefined. */
export type Yaml = Readonly<Record<string, unknown>>;

export async function readKit(...path: string[]): Promise<string> {
  return await readFile(join(KIT, ...path), "utf8");
}

/** The documents of a file, as they are. */
export async function readYaml(...path: string[]): Promise<Yaml[]> {
  return parseAllDocuments(await readKit(...path)).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- a mapping, or the test fails
    return document.toJS() as Yaml;
  });
}

/** The names of a folder's files, sorted. */
export async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(join(KIT, folder))).toSorted();
}

/** What is at `a.b.0.c`, or undefined. */
export function at(value: unknown, path: string): unknown {
  let found: unknown = value;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Reflect.get(found, name) as unknown;
  }
  return found;
}

/** The text at `a.b`; empty where there is none. */
export function textAt(value: unknown, path: string): string {
  const found = at(value, path);
  return typeof found === "string" ? found : "";
}

/** The list at `a.b`; empty where there is none. */
export function listAt(value: unknown, path: string): unknown[] {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
}

/** What each item of the list at `path` has as text under `name`, sorted. */
export function textsAt(value: unknown, path: string, name: string): string[] {
  return sorted(listAt(value, path).map((item) => textAt(item, name)));
}

export function sorted(texts: readonly unknown[]): string[] {
  return texts.map((text) => (typeof text === "string" ? text : "")).sort();
}
