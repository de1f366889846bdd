/** Builds what is shipped into `dist`: `npm run build`. */
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleProgram } from "./bundle.ts";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));

await rm(DIST, { recursive: true, force: true });
await bundleProgram(DIST);
await chmod(join(DIST, "cli.js"), 0o755);
