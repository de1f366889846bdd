/** Run by `.ci/run`: fetches all search engines, so that no test waits for a download. */
import { findSearchPrograms, SEARCH_ENGINES } from "./search-programs.ts";

for (const name of SEARCH_ENGINES) {
  await findSearchPrograms(name).catch((error: unknown) => {
    process.stderr.write(`${name}: ${String(error)}\n`);
    process.exitCode = 1;
  });
}
