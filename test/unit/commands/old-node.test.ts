import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const CLI = fileURLToPath(new URL("../../../src/cli.ts", import.meta.url));

/** Has Node.js say that it is another version, without the functions that came later. */
const PRETEND = `
  import nodeModule from "node:module";
  Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });
  delete nodeModule.enableCompileCache;
`;

test("an old Node.js is told in one line, and nothing else is loaded", () => {
  const preload = `data:text/javascript,${encodeURIComponent(PRETEND)}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", preload, CLI, "list"], {
    encoding: "utf8",
    env: {},
  });
  expect(stderr).toBe(
    "error: Node.js 20.20.2 is too old\nhint: dataops needs 24 or later; its image and its checkout bring their own\n",
  );
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
});
