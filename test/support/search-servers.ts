import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findSearchPrograms, type SearchEngineName } from "./search-programs.ts";

export type { SearchEngineName } from "./search-programs.ts";

/** What tests need to know of a search engine, in a form that passes between processes. */
export interface SearchDescription {
  /** `http://127.0.0.1:9211`, without credentials: nobody has to log in. */
  url: string;
  /** As the engine says it; empty for one that is not ours. */
  version: string;
  /** All that it said; undefined for one that is not ours. */
  logFile: string | undefined;
}

/** A throwaway search engine. */
export interface SearchServer extends SearchDescription, AsyncDisposable {
  stop(): Promise<void>;
}

/**
 * Starts one node on 127.0.0.1 with 512 MB of heap; it takes about 10 s. A process of its own keeps it, so that it ends and its
 * folder goes with `stop`, or with this process, however that ends.
 *
 * @param settings of the node, over the tests' own: `http.max_content_length`
 * @throws ServerUnavailable where the engine's programs cannot be had
 */
export async function startSearch(
  name: SearchEngineName,
  settings: Readonly<Record<string, string>> = {},
): Promise<SearchServer> {
  const programs = await findSearchPrograms(name);
  const script = fileURLToPath(new URL("search-keeper.ts", import.meta.url));
  const keeper = spawn(process.execPath, [script, JSON.stringify(programs), JSON.stringify(settings)], {
    stdio: ["pipe", "pipe", "inherit"],
    // Out of the terminal's reach: an interrupt is for the tests, whose end is what ends the keeper.
    detached: true,
  });
  const gone = once(keeper, "exit");
  const first = await Promise.race([once(createInterface(keeper.stdout), "line"), gone.then(() => [])]);
  const line: unknown = first[0];
  if (typeof line !== "string") throw new Error(`${name} did not start`);
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the keeper lies beside this file
  const description = JSON.parse(line) as SearchDescription;
  // It must not keep the process alive that should end it.
  keeper.unref();
  const stop = async (): Promise<void> => {
    keeper.ref();
    keeper.stdin.end();
    await gone;
  };
  return { ...description, stop, [Symbol.asyncDispose]: stop };
}

/** The engine that `TEST_OPENSEARCH_2_URL` and the like name; undefined where none is named. */
export function externalSearch(
  name: SearchEngineName,
  environment: NodeJS.ProcessEnv,
): SearchDescription | undefined {
  const url = environment[`TEST_${name.toUpperCase().replace("-", "_")}_URL`];
  if (url === undefined || url === "") return undefined;
  return { url: url.replace(/\/+$/, ""), version: "", logFile: undefined };
}
