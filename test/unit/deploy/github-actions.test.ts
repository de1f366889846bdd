import { expect, test } from "vitest";
import { at, listAt, readKit, readYaml, textAt } from "../../support/kit.ts";

const [workflow] = await readYaml("github-actions", "dataops.yml");
const text = await readKit("github-actions", "dataops.yml");
const job = at(workflow, "jobs.dataops");
const steps = listAt(job, "steps");

/** What runs dataops: the job's name, and the command's. */
const COMMANDS = [...text.matchAll(/^ +(\w+)\) dataops (\w+) .+ ;;$/gm)].map(([, name, command]) => [
  name,
  command,
]);

test("every schedule and every choice has its job", () => {
  const choices = listAt(workflow, "on.workflow_dispatch.inputs.job.options");
  expect(COMMANDS).toEqual(choices.map((name) => [name, name]));
  const crons = listAt(workflow, "on.schedule").map((one) => textAt(one, "cron"));
  expect(crons).toHaveLength(choices.length);
  const chosen = textAt(job, "env.JOB");
  const named = [...chosen.matchAll(/github\.event\.schedule == '([^']+)' && '(\w+)'/g)];
  expect(named.map(([, cron]) => cron)).toEqual(crons.slice(0, -1));
  const last = / \|\| '(\w+)' \}\}$/.exec(chosen)?.[1];
  expect([...named.map(([, , name]) => name), last]).toEqual(choices);
});

test("one runs at a time, and one that has begun goes on", () => {
  expect(workflow?.["concurrency"]).toEqual({ group: "dataops", "cancel-in-progress": false });
  expect(at(job, "timeout-minutes")).toBe(60);
});

test("a role is assumed by GitHub's word: there is no key, and no right but to ask", () => {
  expect(workflow?.["permissions"]).toEqual({});
  expect(at(job, "permissions")).toEqual({ contents: "read", "id-token": "write" });
  const credentials = steps.find((step) => textAt(step, "uses").startsWith("aws-actions/"));
  expect(at(credentials, "with.role-to-assume")).toBe(
    "${{ env.JOB == 'prune' && vars.DATAOPS_PRUNER_ROLE || vars.DATAOPS_WRITER_ROLE }}",
  );
  expect(at(credentials, "with.aws-access-key-id")).toBeUndefined();
  expect(text).not.toMatch(/secrets\.(?!DATABASE_URL\b)/);
  // For each minute that a run may take.
  expect(at(credentials, "with.role-duration-seconds")).toBe(60 * Number(at(job, "timeout-minutes")));
});

test("actions of others are named by their commit, and nothing from outside is put into a script", () => {
  const uses = steps.map((step) => textAt(step, "uses")).filter((name) => name !== "");
  expect(uses).toHaveLength(2);
  for (const name of uses) expect(name).toMatch(/@[0-9a-f]{40}$/);
  for (const step of steps) expect(textAt(step, "run")).not.toContain("${{");
});

test("secrets reach the container by name, never in an argument", () => {
  const [script = ""] = steps.map((step) => textAt(step, "run")).filter((run) => run !== "");
  const passed = [...script.matchAll(/--env=(\S+)/g)].map(([, variable]) => variable);
  expect(passed).toEqual([
    "DATAOPS_CONFIG=/etc/dataops/dataops.config.yaml",
    "DATABASE_URL",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
  ]);
  expect(script).toContain("--read-only --cap-drop=ALL --security-opt=no-new-privileges --user=10001:10001");
});
