/**
 * Runs the real daemon for a while, and has everything around it fail: `npm run soak -- --minutes 10 --seed 7 --logs DIRECTORY`.
 *
 * Two replicas and one-shot runs share twenty jobs that are due each minute, on a real PostgreSQL and a real S3 server. Faults come by a plan
 * that follows from the seed. In the end each slot has to be accounted for, and nothing may be left behind; otherwise it ends with 1.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { jobTitle } from "../src/repository/job.ts";
import { FAULT_WORDS, planFaults, randomFrom, type Fault } from "./soak/faults.ts";
import { inflict, type Cast } from "./soak/inflict.ts";
import { SHOPS } from "./soak/jobs.ts";
import { findLeftovers, unsettledJobs } from "./soak/leftovers.ts";
import { parseOptions } from "./soak/options.ts";
import { startProgram, type Ended, type Program } from "./soak/program.ts";
import { makeReplica, type Replica } from "./soak/replica.ts";
import {
  answerFindings,
  describeJobs,
  memoryFindings,
  programFindings,
  slotFindings,
  type Finding,
} from "./soak/report.ts";
import { judgeSlots, type JudgedSlot } from "./soak/slots.ts";
import { changeShop, setStage, writeConfig, type Stage } from "./soak/stage.ts";
import { argumentsOf, makeTasks, type Tasks } from "./soak/tasks.ts";
import { watchReplicas, type Watched } from "./soak/watch.ts";

const MINUTE = 60_000;

/** Milliseconds after the last slot until which each has to be accounted for. */
const SETTLING = 3 * MINUTE;

/** Milliseconds at least between the start of the replicas and the first slot. */
const LEAD = 15_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const clock = (): string => new Date().toISOString().slice(11, 19);

const { minutes, seed, logs } = parseOptions(process.argv.slice(2));
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());
const findings = await soak(interrupted.signal);
for (const { isGood, lines } of findings) {
  const [first, ...rest] = lines;
  say(`${isGood ? "good" : "BAD "} ${first}`);
  for (const line of rest) say(`     ${line}`);
}
process.exitCode = findings.every(({ isGood }) => isGood) && !interrupted.signal.aborted ? 0 : 1;

/** All that plays a part, from the beginning to the end. */
interface Soak {
  stage: Stage;
  /** The first one lives through all of it. */
  replicas: readonly [Replica, Replica];
  tasks: Tasks;
  /** Milliseconds since the epoch, a minute apart. */
  slots: readonly number[];
}

async function soak(stop: AbortSignal): Promise<Finding[]> {
  const faults = planFaults(seed, minutes * MINUTE);
  say(`seed ${seed}, ${minutes} minutes: ${describeJobs()}`);
  for (const { kind, at } of faults) say(`  at ${(at / 1000).toFixed(0)} s: ${FAULT_WORDS[kind]}`);
  await using cleanup = new AsyncDisposableStack();
  const stage = await setStage(cleanup);
  const replicas = [await makeReplica(stage, "A"), await makeReplica(stage, "B")] as const;
  const tasks = await makeTasks(stage, randomFrom(seed + 1));
  cleanup.defer(() => endAll(programsOf({ replicas, tasks })));
  await Promise.all(replicas.map((replica) => replica.start()));

  const first = Math.ceil((Date.now() + LEAD) / MINUTE) * MINUTE;
  const slots = Array.from({ length: minutes }, (_, number) => first + number * MINUTE);
  const all: Soak = { stage, replicas, tasks, slots };
  const watched = await play(all, faults, stop);
  return await examine(all, watched);
}

/** Goes through the slots and the faults, waits until each slot is accounted for, and ends the replicas. */
async function play(all: Soak, faults: readonly Fault[], stop: AbortSignal): Promise<Watched> {
  const { stage, replicas, tasks, slots } = all;
  const [steady, mortal] = replicas;
  const first = slots[0] ?? 0;
  const end = first + minutes * MINUTE;
  const over = new AbortController();
  const watching = watchReplicas(replicas, over.signal);
  const changing = changeShops(stage, over.signal);
  await Promise.all([
    inflictAll(faults, first, { stage, steady, mortal, tasks, stop }),
    fireTasks(slots, (slot) => tasks.start(slot), stop),
    sleepUntil(end, stop),
  ]);
  while (!stop.aborted && Date.now() < end + SETTLING && (await judge(all)).some(isUnsettled)) {
    await sleepUntil(Date.now() + 5_000, stop);
  }
  over.abort();
  const [watched] = await Promise.all([watching, changing]);
  say(`${clock()} SIGTERM for both replicas`);
  for (const replica of replicas) replica.current().kill("SIGTERM");
  return watched;
}

/** What all of it came to, once every program has ended. */
async function examine(all: Soak, watched: Watched): Promise<Finding[]> {
  const { stage, replicas, tasks } = all;
  const codes = await codesOf(programsOf(all));
  const inOrder = [...codes].filter(([, code]) => code !== "SIGKILL").map(([program]) => program);
  if (logs !== undefined) await saveLogs([...codes.keys()], logs);
  await settle(stage);
  const secrets = [stage.server.password, stage.s3.secretAccessKey];
  return [
    ...slotFindings(await judge(all)),
    ...memoryFindings(replicas, watched),
    answerFindings(watched),
    ...programFindings(
      replicas,
      tasks.started,
      codes,
      secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]),
    ),
    refusalFinding(replicas[0]),
    listFinding("left behind", await findLeftovers(stage, inOrder)),
    listFinding("backups that do not verify", await verifyAll(stage)),
  ];
}

function judge({ stage, replicas, slots }: Soak): Promise<JudgedSlot[]> {
  const daemons = replicas.flatMap(({ programs }) => programs);
  return judgeSlots(slots, {
    storage: stage.storage,
    notices: stage.notices.received,
    lines: daemons.flatMap(({ lines }) => lines),
  });
}

/** Runs each job once more whose last run could not say how it ended, as the next slot would. */
async function settle(stage: Stage): Promise<void> {
  const { file } = await writeConfig(stage, "settle");
  const environment = { ...stage.environment, DATAOPS_CONFIG: file };
  for (const { job, what } of await unsettledJobs(stage.storage)) {
    say(`${clock()} ${what}: ${jobTitle(job)} runs once more`);
    const program = await startProgram("settle", argumentsOf(job), { ...stage, environment });
    await program.ended;
  }
}

function isUnsettled({ verdict }: JudgedSlot): boolean {
  return verdict === "open" || verdict === "silent";
}

/** One after the other: two at a time would hide each other. */
async function inflictAll(faults: readonly Fault[], first: number, cast: Cast): Promise<void> {
  for (const fault of faults) {
    await sleepUntil(first + fault.at, cast.stop);
    if (cast.stop.aborted) return;
    say(`${clock()} ${FAULT_WORDS[fault.kind]}`);
    await inflict(fault, cast);
    say(`${clock()} that is over`);
  }
}

/** Has the shops' rows change, as they do; while the server is away, they do not. */
async function changeShops({ server }: Stage, stop: AbortSignal): Promise<void> {
  for (let number = 0; !stop.aborted; number += 1) {
    await changeShop(server, SHOPS[number % SHOPS.length] ?? "", number).catch(() => undefined);
    await sleepUntil(Date.now() + 3_000, stop);
  }
}

async function fireTasks(
  slots: readonly number[],
  start: (slot: number) => Promise<void>,
  stop: AbortSignal,
): Promise<void> {
  for (const slot of slots) {
    await sleepUntil(slot, stop);
    if (!stop.aborted) await start(slot);
  }
}

/** That a wrong configuration was refused, and the right one taken. */
function refusalFinding({ programs }: Replica): Finding {
  const text = programs.flatMap(({ lines }) => lines.map((line) => line.text)).join("\n");
  const isGood =
    text.includes("the new configuration is refused") && text.includes("the configuration was read anew");
  return {
    isGood: isGood && programs.length === 1,
    lines: [`the wrong configuration was ${isGood ? "refused, and the right one taken" : "NOT refused"}`],
  };
}

function listFinding(what: string, found: readonly string[]): Finding {
  return {
    isGood: found.length === 0,
    lines: [`${what}: ${found.length === 0 ? "none" : found.length}`, ...found.map((one) => `  ${one}`)],
  };
}

/** Reads every byte of every backup; a line for each database where that fails. */
async function verifyAll(stage: Stage): Promise<string[]> {
  const { file } = await writeConfig(stage, "verify");
  const environment = { ...stage.environment, DATAOPS_CONFIG: file };
  const problems: string[] = [];
  for (const shop of SHOPS) {
    const args = ["verify", "--database", shop, "--all"];
    const program = await startProgram(`verify-${shop}`, args, { ...stage, environment });
    const { code } = await program.ended;
    if (code !== 0) problems.push(`${shop}: ${code}: ${program.lines.map(({ text }) => text).join(" / ")}`);
  }
  return problems;
}

async function codesOf(programs: readonly Program[]): Promise<Map<Program, string>> {
  const ended = await Promise.all(programs.map(async (one) => [one, nameOf(await one.ended)] as const));
  return new Map(ended);
}

function nameOf({ code, signal }: Ended): string {
  return signal ?? String(code);
}

function programsOf({ replicas, tasks }: Pick<Soak, "replicas" | "tasks">): Program[] {
  return [...replicas.flatMap(({ programs }) => programs), ...tasks.started.map(({ program }) => program)];
}

async function endAll(programs: readonly Program[]): Promise<void> {
  for (const program of programs) if (!program.hasEnded()) program.kill("SIGKILL");
  await Promise.all(programs.map(({ ended }) => ended));
}

/** What each program said, a file for each. */
async function saveLogs(programs: readonly Program[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [number, { name, lines }] of programs.entries()) {
    const text = lines.map((line) => `${new Date(line.at).toISOString()} ${line.text}\n`).join("");
    await writeFile(join(folder, `${number}-${name}.log`), text);
  }
}

async function sleepUntil(at: number, stop: AbortSignal): Promise<void> {
  await delay(Math.max(0, at - Date.now()), undefined, { signal: stop }).catch(() => undefined);
}
