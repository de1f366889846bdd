import { DataopsError, EXIT_CODES } from "../errors.ts";
import type { CommandResult } from "./command.ts";

/** What a command prints at its end: data on stdout, talk on stderr. */
export interface Output {
  stdout: string;
  stderr: string;
}

/** A result, as one JSON document or as text. */
export function renderResult(result: CommandResult, json: boolean): Output {
  if (json) return { stdout: `${JSON.stringify(result.data, null, 2)}\n`, stderr: "" };
  return { stdout: result.text === "" ? "" : `${result.text}\n`, stderr: "" };
}

/** An expected failure as one line and a hint; a bug with its stack. With `json`, one document on stdout as well. */
export function renderError(error: unknown, json: boolean): { output: Output; exitCode: number } {
  if (!(error instanceof DataopsError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      output: {
        stdout: json
          ? document({ exit: "failed", code: 1, message: "a bug in dataops; the stack is on stderr" })
          : "",
        stderr: `error: a bug in dataops: ${stack}\nhint: please report it, with what is above\n`,
      },
      exitCode: EXIT_CODES.failed.code,
    };
  }
  const { exit, exitCode: code } = error;
  const message = oneLine(error.message);
  const hint = error.hint === undefined ? undefined : oneLine(error.hint);
  if (json) {
    return {
      output: {
        stdout: document({ exit, code, message, ...(hint === undefined ? {} : { hint }) }),
        stderr: "",
      },
      exitCode: code,
    };
  }
  const lines = [`error: ${message}`, ...(hint === undefined ? [] : [`hint: ${hint}`])];
  return { output: { stdout: "", stderr: `${lines.join("\n")}\n` }, exitCode: code };
}

function document(error: { exit: string; code: number; message: string; hint?: string }): string {
  return `${JSON.stringify({ error }, null, 2)}\n`;
}

/** Names from outside may hold anything; an error is one line, and moves no cursor. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/\p{Cc}/gu, "?");
}
