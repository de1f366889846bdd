import { setTimeout as delay } from "node:timers/promises";
import { jobTitle, type Job } from "../../src/repository/job.ts";
import { TASKS } from "./jobs.ts";
import { startProgram, type Program } from "./program.ts";
import { writeConfig, type Stage } from "./stage.ts";

/** A one-shot run of a job for a slot, as a scheduler outside would start it. */
export interface Task {
  title: string;
  /** Milliseconds since the epoch. */
  slot: number;
  program: Program;
}

/** One-shot runs beside the daemons: one for each minute's slots, a moment after them. */
export interface Tasks {
  started: readonly Task[];
  /** Those that have not ended. */
  running(): Task[];
  start(slot: number): Promise<void>;
}

export async function makeTasks(stage: Stage, random: () => number): Promise<Tasks> {
  const { file } = await writeConfig(stage, "tasks");
  const environment = { ...stage.environment, DATAOPS_CONFIG: file };
  const started: Task[] = [];
  return {
    started,
    running: () => started.filter(({ program }) => !program.hasEnded()),
    start: async (slot) => {
      const job = TASKS[Math.floor(random() * TASKS.length)];
      if (job === undefined) return;
      await delay(random() * 5_000);
      const args = [...argumentsOf(job), "--slot", new Date(slot).toISOString()];
      const name = `task-${started.length + 1}`;
      const program = await startProgram(name, args, { ...stage, environment });
      started.push({ title: jobTitle(job), slot, program });
    },
  };
}

/** The command that runs a job. */
export function argumentsOf({ kind, name }: Job): string[] {
  if (kind === "verify") return [kind, "--database", name];
  return kind === "prune" ? [kind, name, "--confirm"] : [kind, name];
}
