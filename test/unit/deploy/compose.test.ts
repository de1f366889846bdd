import { expect, test } from "vitest";
import { variablesOf } from "../../../src/deploy/task-definition.ts";
import { jobTitle } from "../../../src/repository/job.ts";
import { scheduledJobs } from "../../../src/schedule/scheduled-jobs.ts";
import { loadText } from "../../support/config-file.ts";
import { at, readKit, readYaml } from "../../support/kit.ts";

const [compose] = await readYaml("compose", "compose.yaml");
const dataops = at(compose, "services.dataops");
const EXAMPLE = await readKit("compose", ".env.example");

/** The variables of `.env.example`, those in comments too. */
const OFFERED = [...EXAMPLE.matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);

test("the container has no more than it needs, and the time to end", () => {
  expect(dataops).toMatchObject({
    user: "10001:10001",
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    stop_grace_period: "30s",
    // What the image writes to.
    tmpfs: [expect.stringMatching(/^\/tmp:/)],
    volumes: [expect.stringMatching(/:ro$/), "dataops:/var/lib/dataops"],
    healthcheck: { test: ["CMD", "node", "/app/dist/healthcheck.js"] },
  });
  expect(at(dataops, "privileged")).toBeUndefined();
});

test("the page is this machine's alone", () => {
  expect(at(dataops, "ports")).toEqual(["127.0.0.1:8080:8080"]);
});

test("the daemon has what its configuration names", async () => {
  const text = await readKit("compose", "dataops.config.yaml");
  const environment = {
    DATABASE_URL: "postgres://app@postgres:5432/app",
    DATAOPS_STORAGE: "file:///var/lib/dataops/storage",
    DATAOPS_PASSWORD: "a password",
  };
  const config = await loadText(text, environment);
  expect(
    scheduledJobs(config)
      .map(({ job }) => jobTitle(job))
      .toSorted(),
  ).toEqual(["backup production", "prune production", "verify production"]);
  expect(config.http).toMatchObject({ host: "0.0.0.0", port: 8080 });
  expect(config.http.credentials).toBeDefined();
  const given = [...Object.keys(Object(at(dataops, "environment"))), ...OFFERED];
  const { secret, plain } = variablesOf(config);
  expect(given).toEqual(expect.arrayContaining([...secret, ...plain]));
  expect(at(dataops, "env_file")).toEqual([".env"]);
  // The URL has none, so that no character of it has to be escaped.
  const withPassword = await loadText(text, { ...environment, PGPASSWORD: "p@ss:w/rd" });
  expect(withPassword.databases["production"]?.connection.peek()?.password?.reveal()).toBe("p@ss:w/rd");
});

test("no password is written down", () => {
  const values = [...EXAMPLE.matchAll(/^(?:# )?\w*(?:PASSWORD|KEY)\w*=(.*)$/gm)].map(([, value]) => value);
  expect(values.length).toBeGreaterThan(2);
  expect(new Set(values)).toEqual(new Set([""]));
  const all = JSON.stringify(compose).matchAll(/"POSTGRES_PASSWORD":"([^"]*)"|"PGPASSWORD":"([^"]*)"/g);
  for (const [, one, other] of all) expect(one ?? other).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
});
