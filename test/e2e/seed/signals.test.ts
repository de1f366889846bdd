import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { expectUntouched, test } from "../../support/e2e-laptop.ts";
import { runAsSuperuser } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test.for(["scratch", "schema"])(
  "SIGTERM in the middle of a reset (%s) leaves everything as it was",
  async (strategy, { local, dataops }) => {
    await local.create();
    await runAsSuperuser(local.server, `ALTER DATABASE ${local.name} SET dataops.environment = 'staging'`);
    const seeds = join(await temporaryFolder("seeds"), "seed.sql");
    await writeFile(seeds, "CREATE TABLE seeded (id int); SELECT pg_sleep(60)");
    const run = await dataops.start(["seed", "staging"], {
      environment: { STAGING_DATABASE_URL: local.url },
      config: {
        databases: { staging: { url: "${STAGING_DATABASE_URL}", environment: "staging" } },
        seed: { staging: { schema: { sql: seeds }, strategy } },
      },
    });
    await run.until("it sleeps", async () => {
      const sleeping =
        "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name LIKE 'dataops:%'";
      return (await local.query(sleeping, "postgres")).length > 0;
    });
    run.kill("SIGTERM");
    const exit = await run.exited;
    expect(exit, exit.stderr).toMatchObject({ code: 143, stdout: "" });
    await expectUntouched(local);
  },
);
