import { copyFile, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder of the built program: `dist/cli.js` is in it, and what Node keeps of it compiled. */
    programFolder: string;
  }
}

const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));

/** They look for files of their own, or are loaded by few runs. */
const NOT_BUNDLED = [
  /^@aws-sdk\//,
  /^@faker-js\//,
  /^@opensearch-project\//,
  /^@sentry\//,
  /^hot-shots$/,
  /^nodemailer$/,
];

/**
 * Builds the program in a few files, for the tests that start it more than a thousand times: its sources and packages are 400 to 900
 * files, and to find and read them takes as long as to run them. `program.test.ts` holds that Node runs the sources as they are.
 */
export default async function buildProgram(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-program-"));
  const bundle = await rolldown({
    input: join(CHECKOUT, "src", "cli.ts"),
    platform: "node",
    external: NOT_BUNDLED,
    logLevel: "silent",
  });
  await bundle.write({ dir: join(folder, "dist"), format: "esm" });
  await bundle.close();
  await copyFile(join(CHECKOUT, "package.json"), join(folder, "package.json"));
  await symlink(join(CHECKOUT, "node_modules"), join(folder, "node_modules"));
  project.provide("programFolder", folder);
  return () => rm(folder, { recursive: true, force: true });
}
