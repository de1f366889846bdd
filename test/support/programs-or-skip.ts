import { requirePrograms } from "./debian.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

interface SkippableContext {
  skip: (note?: string) => never;
}

/** Gets programs of this machine for one test, or skips it loudly; in CI a skip is a failure. */
export async function programsOrSkip(
  context: SkippableContext,
  what: string,
  programs: readonly string[],
  packages: readonly string[],
): Promise<void> {
  await availableOrSkip(context, () => requirePrograms(what, programs, packages));
}

/** What `acquire` comes to; where it throws `ServerUnavailable` the test is skipped loudly, and in CI fails. */
export async function availableOrSkip<T>(context: SkippableContext, acquire: () => Promise<T>): Promise<T> {
  try {
    return await acquire();
  } catch (error) {
    if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
    process.stderr.write(`SKIPPED: ${error.message}\n`);
    return context.skip(error.message);
  }
}
