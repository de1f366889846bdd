import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";

const run = promisify(execFile);

const SOURCES = fileURLToPath(new URL("../../src", import.meta.url));
/** These do what they are for as soon as they are loaded. */
const PROGRAMS = ["cli.ts", "healthcheck.ts"];

// The other tests start the program as it is built for them.
test("Node runs the sources as they are", async () => {
  const files = await readdir(SOURCES, { recursive: true });
  const modules = files.filter((file) => file.endsWith(".ts") && !PROGRAMS.includes(file));
  const urls = modules.map((file) => pathToFileURL(join(SOURCES, file)).href);
  const HOME = await temporaryFolder("home");
  const options = { cwd: HOME, env: { HOME } };
  const script = `for (const url of ${JSON.stringify(urls)}) await import(url); console.log("all")`;
  const [loaded, told] = await Promise.all([
    run(process.execPath, ["--input-type=module", "--eval", script], options),
    run(process.execPath, [join(SOURCES, "cli.ts"), "config", "schema"], options),
  ]);
  expect(loaded).toEqual({ stdout: "all\n", stderr: "" });
  expect(JSON.parse(told.stdout)).toMatchObject({ type: "object" });
});
