import { constants } from "node:fs";
import { access, glob, stat } from "node:fs/promises";
import { extname, relative, resolve } from "node:path";
import type { SeedConfig } from "../config/config.ts";
import { DataopsError } from "../errors.ts";

/** What a reset is made of, found and sorted: which files, in which order, each read by what. */

export type SeedFileKind = "sql" | "csv" | "json" | "module";

/** A file among the seeds. */
export interface SeedFile {
  kind: SeedFileKind;
  /** Absolute. */
  path: string;
  /** Relative to the configuration's folder: the name in messages, and what decides the order. */
  name: string;
}

/** A program of the team's. */
export interface SeedCommand {
  kind: "command";
  /** The program alone: its arguments may be anything. */
  name: string;
  command: readonly string[];
}

export type SeedStep = SeedFile | SeedCommand;

/** Files whose names say what they are, by the ends of them. */
const KINDS: Readonly<Record<string, SeedFileKind>> = {
  ".sql": "sql",
  ".csv": "csv",
  ".json": "json",
  ".ts": "module",
  ".mts": "module",
  ".js": "module",
  ".mjs": "module",
};

/** More are a pattern that means something else. */
const MAX_FILES = 10_000;

export interface SeedPlan {
  /** In the order that they run. */
  schema: readonly SeedStep[];
  /** Whose latest backup's schema it is; undefined where it is none's. */
  schemaBackup: string | undefined;
  seeds: readonly SeedStep[];
  /** Absolute paths of files that were named as what decides a step's result, beside the step's own. */
  inputs: readonly string[];
  /** Steps that name no inputs, though they may read anything. */
  unknown: readonly SeedStep[];
}

/**
 * Finds everything that a reset is made of. Before anything is connected to.
 *
 * @param folder what paths and patterns are relative to
 * @throws DataopsError `usage` naming a pattern that fits no file, or a file that nothing here reads
 */
export async function planSeed(
  settings: Pick<SeedConfig, "schema" | "seeds">,
  folder: string,
): Promise<SeedPlan> {
  const { schema } = settings;
  const steps: SeedStep[] = [];
  const inputs: string[] = [];
  const unknown: SeedStep[] = [];

  const addCommand = async (
    to: SeedStep[],
    command: readonly string[],
    named: readonly string[] | undefined,
  ): Promise<void> => {
    const step: SeedCommand = { kind: "command", name: command[0] ?? "", command };
    to.push(step);
    if (named === undefined) unknown.push(step);
    else inputs.push(...(await findFiles(named, folder)));
  };

  const ofSchema: SeedStep[] = [];
  if (schema !== undefined && "sql" in schema) {
    const paths = [];
    // In the order that they are listed, and by name within a pattern.
    for (const pattern of schema.sql) paths.push(...(await findFiles([pattern], folder)));
    ofSchema.push(...unique(paths).map((path) => fileStep(path, folder, "sql")));
  } else if (schema !== undefined && "command" in schema) {
    await addCommand(ofSchema, schema.command, schema.inputs);
  }

  let group: { path: string; hasInputs: boolean }[] = [];
  const endGroup = (): void => {
    const known = new Set(group.filter(({ hasInputs }) => hasInputs).map(({ path }) => path));
    for (const path of unique(group.map((one) => one.path)).toSorted(byText)) {
      const step = fileStep(path, folder);
      steps.push(step);
      if (step.kind === "module" && !known.has(path)) unknown.push(step);
    }
    group = [];
  };
  for (const source of settings.seeds) {
    if ("command" in source) {
      endGroup();
      await addCommand(steps, source.command, source.inputs);
      continue;
    }
    const named = "inputs" in source ? source.inputs : undefined;
    inputs.push(...(await findFiles(named ?? [], folder)));
    for (const path of await findFiles([source.files], folder)) {
      group.push({ path, hasInputs: named !== undefined });
    }
  }
  endGroup();
  return {
    schema: ofSchema,
    schemaBackup: schema !== undefined && "backup" in schema ? schema.backup : undefined,
    seeds: steps,
    inputs: unique(inputs).toSorted(byText),
    unknown,
  };
}

/** What reads a file of this name. Pure. @throws DataopsError `usage` where nothing does */
export function kindOfFile(name: string): SeedFileKind {
  const ending = extname(name).toLowerCase();
  const kind = Object.hasOwn(KINDS, ending) ? KINDS[ending] : undefined;
  if (kind !== undefined) return kind;
  throw new DataopsError("usage", `seeds: ${name} is no kind of file that is read here`, {
    hint: `${Object.keys(KINDS).join(", ")} are; a command can read any other`,
  });
}

function fileStep(path: string, folder: string, kind?: SeedFileKind): SeedFile {
  const name = relative(folder, path);
  return { kind: kind ?? kindOfFile(name), path, name };
}

/** Absolute paths, in the order of their names. A plain path is a pattern that fits itself. */
async function findFiles(patterns: readonly string[], folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pattern of patterns) {
    const files: string[] = [];
    for (const path of await candidates(pattern, folder)) {
      if ((await stat(path)).isFile()) files.push(path);
      if (files.length > MAX_FILES) throw wrong(pattern, `fits more than ${MAX_FILES} files`);
    }
    if (files.length === 0) throw wrong(pattern, `fits no file in ${folder}`);
    for (const path of files) await requireReadable(path, pattern);
    found.push(...files.toSorted(byText));
  }
  return found;
}

async function candidates(pattern: string, folder: string): Promise<string[]> {
  const plain = resolve(folder, pattern);
  // First, so that a file whose name has brackets in it can be named.
  if ((await stat(plain).catch(() => undefined)) !== undefined) return [plain];
  const found = [];
  for await (const name of glob(pattern, { cwd: folder })) found.push(resolve(folder, name));
  return found;
}

async function requireReadable(path: string, pattern: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch {
    throw wrong(pattern, `fits ${path}, which cannot be read`);
  }
}

function wrong(pattern: string, why: string): DataopsError {
  return new DataopsError("usage", `seeds: ${pattern} ${why}`, {
    hint: "correct the path or pattern; it is relative to the configuration file",
  });
}

function unique(paths: readonly string[]): string[] {
  return [...new Set(paths)];
}

/** By UTF-16 code units: the same on every machine. */
function byText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
