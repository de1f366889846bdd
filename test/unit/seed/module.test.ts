import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeFaker, REFERENCE_DATE } from "../../../src/seed/load/module.ts";

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dataops-module-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a seed module", () => {
  test("is loaded anew with what it imports, where something changed, and by Node itself", async () => {
    await writeFile(
      join(folder, "seed.ts"),
      'import { name } from "./name.ts"; export const seed = ({ log }: { log: (text: string) => void }) => log(name);',
    );
    // Not in this process: vitest loads modules its own way.
    const script = `
      const { runModule } = await import(${JSON.stringify(new URL("../../../src/seed/load/module.ts", import.meta.url).href)});
      const { writeFileSync } = await import("node:fs");
      const file = { kind: "module", path: ${JSON.stringify(join(folder, "seed.ts"))}, name: "seed.ts" };
      const said = [];
      for (const name of ["first", "second"]) {
        writeFileSync(${JSON.stringify(join(folder, "name.ts"))}, "export const name = '" + name + "';");
        await runModule(file, { digest: name, reporter: { info: (text) => said.push(text) }, signal: new AbortController().signal });
      }
      console.log(JSON.stringify(said));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
    expect(JSON.parse(stdout)).toEqual(["seed.ts: first", "seed.ts: second"]);
  });

  test("is given a faker that says the same for the same name, and relates dates to one day", async () => {
    const speak = async (name: string): Promise<unknown[]> => {
      const faker = await makeFaker(name);
      return [faker.person.fullName(), faker.internet.email(), faker.date.past().toISOString()];
    };
    const first = await speak("seeds/010_users.ts");
    expect(await speak("seeds/010_users.ts")).toEqual(first);
    expect(await speak("seeds/020_users.ts")).not.toEqual(first);
    expect(String(first[2]) < REFERENCE_DATE).toBe(true);
  });
});
