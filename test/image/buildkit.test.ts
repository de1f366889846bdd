import { expect, onTestFinished } from "vitest";
import { runContainer } from "../support/container.ts";
import { docker } from "../support/docker-engine.ts";
import { buildImage, hasBuildKit } from "../support/image-build.ts";
import { test } from "../support/image-test.ts";

/** Milliseconds. It shares no layer with the legacy builder. */
const LONG = 20 * 60_000;

test("BuildKit builds the same image", { timeout: LONG }, async ({ image, skip }) => {
  if (!(await hasBuildKit())) skip("Docker has no BuildKit here");
  const name = `${image.name}-buildkit`;
  const log = await buildImage(name, "BuildKit", image);
  onTestFinished(async () => {
    await docker(["image", "rm", "--no-prune", name]);
  });
  expect(log).not.toContain(image.sentinel);
  expect(await settingsOf(name)).toEqual(await settingsOf(image.name));
  const versionFile = async (each: string): Promise<string> =>
    (await runContainer(each, ["/app/version.json"], { flags: ["--entrypoint=cat"] })).stdout;
  expect(await versionFile(name)).toBe(await versionFile(image.name));
  expect(await runContainer(name, ["--version"])).toMatchObject({ code: 0 });
});

/** What a container is started with. */
async function settingsOf(image: string): Promise<unknown> {
  const fields = ["User", "Env", "Entrypoint", "Cmd", "Labels", "Volumes", "WorkingDir", "Healthcheck"];
  const template = fields.map((field) => `{{json .Config.${field}}}`).join("\n");
  return (await docker(["image", "inspect", "--format", template, image])).split("\n").map(parse);
}

function parse(line: string): unknown {
  return JSON.parse(line);
}
