import { requirePrograms } from "./debian.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

/** Gets programs of this machine for one test, or skips it loudly; in CI a skip is a failure. */
export async function programsOrSkip(
  context: { skip: (note?: string) => never },
  what: string,
  programs: readonly string[],
  packages: readonly string[],
): Promise<void> {
  try {
    await requirePrograms(what, programs, packages);
  } catch (error) {
    if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
    process.stderr.write(`SKIPPED: ${error.message}\n`);
    context.skip(error.message);
  }
}
