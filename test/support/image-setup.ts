import type { TestProject } from "vitest/node";
import { docker, requireDocker } from "./docker-engine.ts";
import { buildImage, usualBase, type ImageRequest } from "./image-build.ts";
import { findNodeImage } from "./node-image.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

/** The image as it was built for the run. */
export interface BuiltImage extends ImageRequest {
  /** Its name in the engine. */
  name: string;
  /** All that the builder said. */
  log: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Or why there is none. */
    image: BuiltImage | { unavailable: string };
  }
}

const PGDG = "https://apt.postgresql.org/pub/repos/apt/dists/bookworm-pgdg/Release";

/** Builds the image once for all tests of the run. Its layers stay in the engine, so that the next run builds what changed. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  try {
    const image = await build();
    project.provide("image", image);
    return async () => {
      await docker(["image", "rm", "--no-prune", image.name]);
    };
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    project.provide("image", { unavailable: error.message });
    return undefined;
  }
}

async function build(): Promise<BuiltImage> {
  await requireDocker();
  const id = `${process.pid}-${Date.now().toString(36)}`;
  const name = `dataops-test/image:${id}`;
  const request: ImageRequest = {
    base: await findNodeImage(await usualBase(), process.env),
    clientsFrom: (await isReached(PGDG)) ? "pgdg" : "distribution",
    version: "9.8.7",
    revision: "0123456789abcdef",
    sentinel: `s3ntinel-${id}`,
  };
  // The legacy builder asks most of a Dockerfile.
  const log = await buildImage(name, "legacy", request);
  return { ...request, name, log };
}

async function isReached(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(10_000) })).ok;
  } catch {
    return false;
  }
}
