import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { installProgram } from "../../scripts/bundle.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder of the built program: `dist/cli.js` is in it, and what Node keeps of it compiled. */
    programFolder: string;
  }
}

/**
 * Builds the program as it is shipped, for the tests that start it more than a thousand times. `program.test.ts` holds that Node runs the
 * sources as they are.
 */
export default async function buildProgram(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-program-"));
  await installProgram(folder);
  project.provide("programFolder", folder);
  return () => rm(folder, { recursive: true, force: true });
}
