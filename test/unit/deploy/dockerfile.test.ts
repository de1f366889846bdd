import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { version } from "../../../src/version.ts";

const ROOT = new URL("../../../", import.meta.url);

/** The default of one of the Dockerfile's arguments. */
async function argument(name: string): Promise<string | undefined> {
  const dockerfile = await readFile(new URL("Dockerfile", ROOT), "utf8");
  return new RegExp(`^ARG ${name}="?([^"\n]*)"?$`, "m").exec(dockerfile)?.[1];
}

test("an image that is told nothing says the package's version", async () => {
  expect(await argument("VERSION")).toBe(version);
});

test("the image has the Node that the package asks for", async () => {
  const { engines }: { engines?: { node?: string } } = JSON.parse(
    await readFile(new URL("package.json", ROOT), "utf8"),
  );
  expect(engines?.node).toBe(`>=${/^node:(\d+)-/.exec((await argument("NODE_IMAGE")) ?? "")?.[1]}`);
});
