import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../test/support/ports.ts";
import { startProgram, type Ended, type Program } from "./program.ts";
import { writeConfig, type Stage } from "./stage.ts";

/** A daemon that is started anew after it was ended. */
export interface Replica {
  name: string;
  port: number;
  /** Of Node's inspector. */
  inspector: number;
  /** All processes that it was, the last one last. */
  programs: Program[];
  /** How processes ended that were to end: by their place among the programs. */
  endings: Map<number, { wanted: string; ended: Ended }>;
  current(): Program;
  start(): Promise<void>;
  /** Sends the signal in the middle of a run, and waits for the end. */
  end(signal: "SIGKILL" | "SIGTERM", stop: AbortSignal): Promise<void>;
  /** Has it read a wrong configuration, then the right one again. */
  confuse(pause: number): Promise<void>;
}

/** Milliseconds that a fault waits for a run to be at work. */
const PATIENCE = 45_000;

export async function makeReplica(stage: Stage, name: string): Promise<Replica> {
  const { file, port, text } = await writeConfig(stage, name);
  const inspector = await freePort();
  const environment = {
    ...stage.environment,
    DATAOPS_CONFIG: file,
    NODE_OPTIONS: `--inspect=127.0.0.1:${inspector}`,
  };
  const programs: Program[] = [];
  const endings: Replica["endings"] = new Map();
  const current = (): Program => {
    const last = programs.at(-1);
    if (last === undefined) throw new Error(`${name} was never started`);
    return last;
  };
  return {
    name,
    port,
    inspector,
    programs,
    endings,
    current,
    start: async () => {
      programs.push(await startProgram(name, ["daemon"], { ...stage, environment }));
    },
    end: async (signal, stop) => {
      const program = current();
      await untilAtWork(program, stop);
      program.kill(signal);
      endings.set(programs.length - 1, { wanted: signal, ended: await program.ended });
    },
    confuse: async (pause) => {
      await writeFile(file, "storage: 7\n");
      current().kill("SIGHUP");
      await delay(pause);
      await writeFile(file, text);
      current().kill("SIGHUP");
    },
  };
}

/** Waits until a program is in the middle of a run; not for ever. */
export async function untilAtWork(program: Program, stop: AbortSignal): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!stop.aborted && !program.hasEnded() && performance.now() < deadline) {
    if (await program.isAtWork()) return;
    await delay(20);
  }
}
