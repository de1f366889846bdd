import { copyFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const CHECKOUT = fileURLToPath(new URL("../", import.meta.url));

/** Packages that look for files of their own, or that few runs load. */
const NOT_BUNDLED = [/^@faker-js\//, /^@sentry\//, /^hot-shots$/, /^nodemailer$/];

/**
 * Writes the program into `folder`, `cli.js` and `healthcheck.js` first of all, with the parts of packages that it uses.
 * See docs/adr/0048-bundle.md.
 *
 * `package.json` is looked for in the folder above it, and so are the packages that stay by themselves.
 *
 * @throws what rolldown does
 */
export async function bundleProgram(folder: string): Promise<void> {
  await using bundle = await rolldown({
    input: { cli: join(CHECKOUT, "src", "cli.ts"), healthcheck: join(CHECKOUT, "src", "healthcheck.ts") },
    platform: "node",
    external: NOT_BUNDLED,
    // Packages give their modules by `module`, and only of modules what nobody uses can be left out.
    resolve: { mainFields: ["module", "main"] },
    logLevel: "warn",
  });
  await bundle.write({ dir: folder, format: "esm" });
}

/**
 * Makes a folder what an installed package is: the built program, and the packages that it needs.
 *
 * @returns the path of `cli.js`
 */
export async function installProgram(folder: string): Promise<string> {
  const dist = join(folder, "dist");
  await bundleProgram(dist);
  await copyFile(join(CHECKOUT, "package.json"), join(folder, "package.json"));
  await symlink(join(CHECKOUT, "node_modules"), join(folder, "node_modules"));
  return join(dist, "cli.js");
}
