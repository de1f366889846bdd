import { inject } from "vitest";
import { test as laptopTest } from "./e2e-laptop.ts";
import type { BuiltImage } from "./image-setup.ts";

/** Vitest's `test` with the image that was built for the run; without a Docker engine it is skipped, loudly, and fails in CI. */
export const test = laptopTest.extend<{ image: BuiltImage }>({
  image: async ({ skip }, use) => {
    const image = inject("image");
    if (!("unavailable" in image)) {
      await use(image);
      return;
    }
    if (process.env["CI"] === "true") throw new Error(image.unavailable);
    process.stderr.write(`SKIPPED: ${image.unavailable}\n`);
    skip(image.unavailable);
  },
});
