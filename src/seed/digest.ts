import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { SeedConfig } from "../config/config.ts";
import { version } from "../version.ts";
import type { SeedPlan, SeedStep } from "./plan.ts";

/** All that decides what a reset makes, in one digest: while it stays the same, what was made last is copied. */

/** What decides beside the files: of the server, and of who connects. */
export interface Surroundings {
  /** `server_version_num`. */
  serverVersion: number;
  role: string;
  isSuperuser: boolean;
  owner: string;
  asSuperuser: boolean;
  /** Encoding and locale of the result, as options of `CREATE DATABASE`. */
  locale: string;
  /** Of the backup whose schema it is, and of how it would be loaded; undefined where it is none's. */
  backup: string | undefined;
}

export interface InputsDigest {
  digest: string;
  /** Steps that may read what is not among the inputs, each by its name. */
  unknown: string[];
}

/**
 * Digests files, arguments, configuration and surroundings.
 *
 * @param folder what files are named relative to, so that a checkout elsewhere has the same digest
 */
export async function digestInputs(
  plan: SeedPlan,
  settings: Pick<SeedConfig, "expect" | "extensions">,
  surroundings: Surroundings,
  folder: string,
): Promise<InputsDigest> {
  const steps = [...plan.schema, ...plan.seeds];
  const modules = await followModules(steps);
  const unknown = plan.unknown.filter((step) => step.kind === "command" || modules.open.has(step.path));
  const files = new Set([
    ...steps.flatMap((step) => (step.kind === "command" ? [] : [step.path])),
    ...modules.files,
    ...plan.inputs,
  ]);
  const contents: [string, string][] = [];
  for (const path of [...files].toSorted()) contents.push([relative(folder, path), await digestFile(path)]);
  const inputs = {
    dataops: version,
    faker: modules.files.size > 0 ? await fakerVersion() : null,
    node: modules.files.size > 0 ? process.version : null,
    surroundings: Object.entries(surroundings).toSorted(byKey),
    schema: plan.schema.map(describe),
    seeds: plan.seeds.map(describe),
    contents,
    expect: Object.entries(settings.expect).toSorted(byKey),
    extensions: settings.extensions,
  };
  return {
    digest: createHash("sha256").update(JSON.stringify(inputs)).digest("hex"),
    unknown: unknown.map(({ name }) => name),
  };
}

function describe(step: SeedStep): readonly string[] {
  return step.kind === "command" ? ["command", ...step.command] : [step.kind, step.name];
}

async function digestFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) {
    if (chunk instanceof Uint8Array) hash.update(chunk);
  }
  return hash.digest("hex");
}

/** `import … from "x"`, `export … from "x"`, `import "x"`, `import("x")`. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*(["'])(?<specifier>[^"'\n]+)\1/g;

/** What a module can reach without an import, and an import of what only its run tells. */
const READS_OUTSIDE = /\bprocess\b|\bfetch\s*\(|\bimport\s*\(\s*[^"'\s]|\brequire\s*\(/;

/** Modules that read nothing from outside. */
const CLOSED_MODULES = new Set(["@faker-js/faker", "node:crypto", "node:path", "node:url", "node:util"]);

interface FollowedModules {
  /** The modules among the steps, and what they import of the team's own files. */
  files: Set<string>;
  /** Of those among the steps: the ones that import anything else. */
  open: Set<string>;
}

async function followModules(steps: readonly SeedStep[]): Promise<FollowedModules> {
  const files = new Set<string>();
  const open = new Set<string>();
  for (const step of steps) {
    if (step.kind !== "module") continue;
    const reached = new Set([step.path]);
    for (const path of reached) {
      const text = await readIfThere(path);
      if (text === undefined) continue;
      if (READS_OUTSIDE.test(text)) open.add(step.path);
      for (const specifier of importsOf(text)) {
        if (/^\.{1,2}\//.test(specifier)) reached.add(resolve(dirname(path), specifier));
        else if (!CLOSED_MODULES.has(withScheme(specifier))) open.add(step.path);
      }
      files.add(path);
    }
  }
  return { files, open };
}

/** What a module's text imports by constants. Pure. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map(({ groups }) => groups?.["specifier"] ?? "");
}

/** What is not there is told when the module is loaded. */
async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

function withScheme(specifier: string): string {
  return builtinModules.includes(specifier) ? `node:${specifier}` : specifier;
}

async function fakerVersion(): Promise<string> {
  const url = import.meta.resolve("@faker-js/faker/package.json");
  const content: unknown = JSON.parse(await readFile(fileURLToPath(url), "utf8"));
  return typeof content === "object" && content !== null && "version" in content
    ? String(content.version)
    : "unknown";
}

function byKey([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}
