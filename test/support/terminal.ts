import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { builtProgram } from "./dataops-process.ts";

/** Whether this machine has util-linux's `script`, which makes a terminal. In CI it has to: there a skip is a failure. */
export const HAS_TERMINAL =
  process.env["CI"] === "true" || String(spawnSync("script", ["--version"]).stdout).includes("util-linux");

/** What happened at a terminal: all that was written to it, as it was written. */
export interface TerminalSession {
  code: number | null;
  written: string;
}

/**
 * Runs `dataops` at a terminal of its own. Each answer is typed when its question appears.
 */
export async function atTerminal(
  args: readonly string[],
  {
    environment,
    folder,
    answers = [],
  }: {
    environment: Readonly<Record<string, string>>;
    folder: string;
    answers?: readonly (readonly [question: string, typed: string])[];
  },
): Promise<TerminalSession> {
  // `script` takes a shell's line: it holds names of variables alone, and the arguments come through them.
  const names = args.map((_, index) => `ARGUMENT_${index}`);
  const line = ["exec", "NODE", "PROGRAM", ...names].map((name, index) =>
    index === 0 ? name : `"$${name}"`,
  );
  const { program, compileCache } = builtProgram();
  const child = spawn("script", ["--quiet", "--return", "--command", line.join(" "), "/dev/null"], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      TERM: "xterm",
      NODE_COMPILE_CACHE: compileCache,
      ...environment,
      ...Object.fromEntries(names.map((name, index) => [name, args[index]])),
      NODE: process.execPath,
      PROGRAM: program,
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let written = "";
  const waiting = [...answers];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
    const [next] = waiting;
    if (next === undefined || !written.includes(next[0])) return;
    waiting.shift();
    child.stdin.write(next[1]);
  });
  await once(child, "close");
  return { code: child.exitCode, written };
}

/** Escape sequences that move the cursor to the line's beginning, clear the line, and clear the rest of it. */
const [LINE_BEGINNING, CLEAR_LINE, CLEAR_REST] = ["1G", "2K", "0K"] as const;

/** What of it is seen at the end, line by line: enough of a terminal for bars and questions. */
export function screenOf({ written }: TerminalSession): string[] {
  const lines: string[] = [];
  let line = "";
  let column = 0;
  // eslint-disable-next-line no-control-regex -- escape sequences begin with one
  for (const [text, sequence] of written.matchAll(/\u001B(?:\[([\d;?]*[a-zA-Z])|[78])|[^]/g)) {
    if (sequence === LINE_BEGINNING || text === "\r") column = 0;
    else if (sequence === CLEAR_LINE) line = "";
    else if (sequence === CLEAR_REST) line = line.slice(0, column);
    else if (text === "\n") {
      lines.push(line.trimEnd());
      line = "";
    } else if (!text.startsWith("\u001B")) {
      line = line.slice(0, column).padEnd(column) + text + line.slice(column + 1);
      column += 1;
    }
  }
  return [...lines, line.trimEnd()].filter((seen) => seen !== "");
}
