import type { PostgresClient } from "../postgres/client.ts";
import { runCommand } from "../replace/after/command.ts";
import { findProgram } from "../replace/after/program.ts";
import { letLoaderUse } from "../replace/scratch/create-extensions.ts";
import type { SourceLocale } from "../replace/scratch/locale.ts";
import { createScratch, type Scratch } from "../replace/scratch/scratch.ts";
import type { TemplateSource } from "../replace/template/keep.ts";
import { createNamedExtensions } from "./extensions.ts";
import { checkExpectations } from "./expect.ts";
import { advanceSequences, refreshViews } from "./finish.ts";
import { runSteps, type SeedSite } from "./load/steps.ts";
import type { SeedPlan } from "./plan.ts";
import type { PreparedSchema, Run } from "./run.ts";

export interface BuildRequest {
  maintenance: PostgresClient;
  /** The name of the database to replace. */
  target: string;
  /** Whose the result is to be; undefined: the connecting role's. */
  owner: string | undefined;
  source: SourceLocale;
  plan: SeedPlan;
  /** A backup's schema; undefined where the plan's own steps make one. */
  schema: PreparedSchema | undefined;
  /** Of all inputs. */
  digest: string;
}

/**
 * Builds a scratch database from its schema and seeds: rows loaded, sequences set, materialized views filled, statistics
 * collected, expectations checked. After a failure nothing is left of it.
 *
 * @throws DataopsError as the steps do; after an abort: the signal's reason
 */
export async function buildFromSeeds(run: Run, request: BuildRequest): Promise<TemplateSource> {
  const { settings } = run;
  await using acquired = new AsyncDisposableStack();
  const scratch = acquired.use(
    await createScratch(request.maintenance, { ...run, ...request, template: undefined }),
  );
  await addExtensions(scratch, settings.extensions);
  const site = siteOf(run, scratch);
  const leftOut = (await request.schema?.load(scratch)) ?? [];
  await runSteps(request.plan.schema, site, { ...run, ...request });
  await runSteps(request.plan.seeds, site, { ...run, ...request });
  {
    await using client = await scratch.connectAsLoader();
    await advanceSequences(client);
    await refreshViews(client);
    await checkExpectations(client, settings.expect);
    await client.query("ANALYZE");
  }
  acquired.move();
  return { scratch, leftOut, missingExtensions: new Set() };
}

/** Most extensions are a superuser's to create, and who loads is none. */
async function addExtensions(scratch: Scratch, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await using admin = await scratch.connectAsAdmin();
  await createNamedExtensions(admin, names);
  await letLoaderUse(admin, scratch.actAs ?? scratch.loader.user);
}

function siteOf({ folder, environment, signal, reporter }: Run, scratch: Scratch): SeedSite {
  return {
    async inTransaction(work) {
      // A connection for each file: what one sets holds for no other.
      await using client = await scratch.connectAsLoader();
      await client.query("BEGIN");
      await work(client);
      await client.query("COMMIT");
    },
    async runCommand([program = "", ...args], name) {
      await runCommand({
        name,
        command: [await findProgram(program, { folder, environment, name }), ...args],
        folder,
        settings: scratch.loader,
        actAs: scratch.actAs,
        environment,
        signal,
        onLine: (line) => reporter.info(line),
      });
    },
  };
}
