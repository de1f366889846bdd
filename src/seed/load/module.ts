import { createHash } from "node:crypto";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import type { Faker } from "@faker-js/faker";
import { DataopsError, messageOf } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import type { SeedFile } from "../plan.ts";

/** What a module's `seed` is given. */
export interface SeedContext {
  client: SeedClient;
  /** Tells a line to whoever watches. */
  log: (message: string) => void;
  /** Says the same in every run: its seed is made of the file's name, its dates are relative to `REFERENCE_DATE`. */
  faker: Faker;
}

/** A connection inside the file's transaction. */
export interface SeedClient {
  /** Runs one statement; without `values`, or several. */
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>;
}

/** What faker calls now. */
export const REFERENCE_DATE = "2026-01-01T00:00:00.000Z";

/** Marks a module's URL, and those of the files that it imports, with a digest: Node loads each URL once and for all. */
const MARK = "dataops";

export interface ModuleRequest {
  client: PostgresClient;
  /** Throws for a statement that may not run. */
  checkStatement: (text: string) => void;
  reporter: Reporter;
  signal: AbortSignal;
  /** Of all inputs: where one changes, modules are loaded anew. */
  digest: string;
}

/**
 * Runs a module's `seed`.
 *
 * @throws DataopsError `failed` where it has none, or what it throws; after an abort: the signal's reason
 */
export async function runModule(file: SeedFile, request: ModuleRequest): Promise<void> {
  const { client, checkStatement, reporter, signal, digest } = request;
  using _hooks = markImports();
  const seed = await importSeed(file, digest);
  const context: SeedContext = {
    client: {
      query: async (text, values) => {
        signal.throwIfAborted();
        // Nobody checks a module's types.
        if (typeof text !== "string")
          throw new TypeError("query takes the text of a statement, and its values");
        checkStatement(text);
        const result = await client.raw.query<Record<string, unknown>>(
          text,
          values === undefined ? undefined : [...values],
        );
        return Array.isArray(result) ? lastOf(result) : result;
      },
    },
    log: (message) => reporter.info(`${file.name}: ${message}`),
    faker: await makeFaker(file.name),
  };
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([Promise.resolve(seed(context)), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A faker that says the same for the same name. */
export async function makeFaker(name: string): Promise<Faker> {
  // Loaded here: it is large, and few resets have a module.
  const { Faker: FakerClass, base, en } = await import("@faker-js/faker");
  const faker = new FakerClass({ locale: [en, base] });
  // Of two files neither repeats the other's names.
  faker.seed(createHash("sha256").update(name).digest().readUInt32BE(0));
  faker.setDefaultRefDate(REFERENCE_DATE);
  return faker;
}

type SeedFunction = (context: SeedContext) => unknown;

async function importSeed({ path, name }: SeedFile, digest: string): Promise<SeedFunction> {
  const url = pathToFileURL(path);
  url.searchParams.set(MARK, digest);
  let loaded: unknown;
  try {
    loaded = await import(url.href);
  } catch (error) {
    throw new DataopsError("failed", `${name} cannot be loaded: ${messageOf(error)}`, {
      hint: "correct it and run again; nothing was replaced",
      cause: error,
    });
  }
  if (hasSeed(loaded)) return loaded.seed;
  throw new DataopsError("failed", `${name} exports no function seed`, {
    hint: "export async function seed({ client, log, faker }) { … }",
  });
}

/** Passes a module's mark on to what it imports. */
function markImports(): Disposable {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const mark = markOf(context.parentURL);
      if (mark === undefined || !isOwnFile(resolved.url)) return resolved;
      const marked = new URL(resolved.url);
      marked.searchParams.set(MARK, mark);
      return { ...resolved, url: marked.href };
    },
  });
  return { [Symbol.dispose]: () => hooks.deregister() };
}

function markOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : (URL.parse(url)?.searchParams.get(MARK) ?? undefined);
}

function isOwnFile(url: string): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/");
}

function hasSeed(loaded: unknown): loaded is { seed: SeedFunction } {
  return (
    typeof loaded === "object" && loaded !== null && "seed" in loaded && typeof loaded.seed === "function"
  );
}

function lastOf<T>(results: readonly T[]): T {
  const last = results.at(-1);
  if (last === undefined) throw new Error("a query gave no result");
  return last;
}
