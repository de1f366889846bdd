import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { filesOf, listAt, readKit, readYaml, sorted, textAt } from "../../support/kit.ts";

/** docs/deploy-elsewhere.md says what the files under `deploy/` need. */

const text = await readFile(new URL("../../../docs/deploy-elsewhere.md", import.meta.url), "utf8");

test("the Secret that is made has the keys that are taken from it", async () => {
  const made = [...text.matchAll(/--from-file=(\S+)/g)].map(([, key]) => key);
  const [daemon] = await readYaml("kubernetes", "daemon.yaml");
  const taken = listAt(daemon, "spec.template.spec.containers.0.env")
    .map((variable) => textAt(variable, "valueFrom.secretKeyRef.key"))
    .filter((key) => key !== "");
  expect(sorted(made)).toEqual(sorted(taken));
});

test("every variable and secret of the workflow is named", async () => {
  const workflow = await readKit("github-actions", "dataops.yml");
  const names = [...workflow.matchAll(/\b(?:vars|secrets)\.(\w+)/g)].map(([, name = ""]) => name);
  expect(new Set(names).size).toBe(5);
  for (const name of names) expect(text).toContain(`\`${name}\``);
});

test("every folder and unit is told of", async () => {
  for (const folder of ["kubernetes", "compose", "systemd", "github-actions"]) {
    expect(text).toContain(`../deploy/${folder}`);
  }
  for (const unit of await filesOf("systemd")) expect(text).toContain(`\`${unit}\``);
});
