import type { BackupContender } from "./contender.ts";
import { changeSource, type Change } from "./database.ts";
import { appeared, totalSize, type Listing } from "./place.ts";
import type { BackupRun, BackupSeries, ScenarioId, ScenarioResult } from "./results.ts";
import type { Stage } from "./stage.ts";
import { say } from "./say.ts";
import { turnsOf } from "./turns.ts";
import { verifyBackup } from "./verify.ts";

/** What happens to the source before each backup. */
export interface Scenario {
  id: ScenarioId;
  title: string;
  change: Change;
}

export const FIRST_BACKUP: Scenario = { id: "first", title: "First backup", change: "nothing" };

/** In this order, each building upon what the one before left in storage. */
export const LATER_BACKUPS: readonly Scenario[] = [
  { id: "unchanged", title: "Nothing changed", change: "nothing" },
  {
    id: "four-hours",
    title: "Four hours later: 0.6 % of the rows appended or updated",
    change: "four hours",
  },
  {
    id: "random",
    title: "1 % of the rows of the large tables updated at random",
    change: "random",
  },
];

export interface BackupsOptions {
  contenders: readonly BackupContender[];
  runs: number;
  /** What the source was filled with, in bytes. */
  size: number;
}

/** Changes the source and has all contenders back it up, in turn, `runs` times. What the first run stored is restored and compared. */
export async function playScenario(
  stage: Stage,
  scenario: Scenario,
  { contenders, runs, size }: BackupsOptions,
): Promise<ScenarioResult> {
  if (contenders.length === 0) return { id: scenario.id, title: scenario.title, series: [] };
  say(scenario.title);
  const results = new Map<string, BackupRun[]>(contenders.map(({ id }) => [id, []]));
  for (let run = 0; run < runs; run += 1) {
    await changeSource(stage.source, { change: scenario.change, size, round: run });
    for (const contender of turnsOf(contenders, run)) {
      if (scenario.id === "first" || !contender.keeps) await contender.reset();
      const result = await backUp(contender);
      results.get(contender.id)?.push(result);
      say(`  ${contender.id}: ${result.seconds.toFixed(1)} s, ${(result.bytes / 1e6).toFixed(2)} MB`);
      if (run === 0) await verifyBackup(stage, contender);
      if (!contender.keeps) await contender.place.empty();
    }
  }
  const series = contenders.map(({ id, name, where }): BackupSeries => ({
    id,
    name,
    where,
    runs: results.get(id) ?? [],
  }));
  return { id: scenario.id, title: scenario.title, series };
}

/** One backup, and what it left in storage. */
export async function backUp(contender: BackupContender): Promise<BackupRun> {
  const before = await contender.place.list();
  const measurement = await contender.run();
  const added = counted(contender, appeared(before, await contender.place.list()));
  const packs = [...added.keys()].filter((key) => key.endsWith(".pack")).length;
  return { ...measurement, bytes: totalSize(added), packs };
}

function counted({ isCounted }: BackupContender, listing: Listing): Listing {
  if (isCounted === undefined) return listing;
  return new Map([...listing].filter(([key]) => isCounted(key)));
}
