import { expect } from "vitest";
import type { DataopsExit, DataopsOptions } from "./dataops-process.ts";
import { expectOneLine, type Dataops } from "./e2e-test.ts";

/** What a failure has to be, the same for people and for programs. */
export interface ExpectedFailure {
  code: number;
  message: RegExp;
  hint?: RegExp;
}

/** An escape sequence, with which a terminal is drawn on. */
// eslint-disable-next-line no-control-regex -- that is what they begin with
export const ESCAPE = /\u001B/;

/**
 * Runs a command line for people and, beside it, with `--json`: the same exit code, message and hint, in one `error:` line
 * and at most one `hint:` line on stderr, and in one JSON document on stdout.
 *
 * @returns all that was said in both
 */
export async function expectFailure(
  dataops: Pick<Dataops, "run">,
  args: readonly string[],
  options: DataopsOptions,
  { code, message, hint }: ExpectedFailure,
): Promise<string> {
  const [told, json] = await Promise.all([
    dataops.run(args, options),
    dataops.run([...args, "--json"], options),
  ]);
  expect(told, told.stderr).toMatchObject({ code, stdout: "" });
  expectOneLine(told);
  const said = lineOf(told, "error: ");
  const advice = lineOf(told, "hint: ");
  expect(said).toMatch(message);
  if (hint !== undefined) expect(advice).toMatch(hint);

  expect(json, json.stdout).toMatchObject({ code });
  expect(json.json()).toEqual({
    error: {
      exit: expect.any(String) as unknown,
      code,
      message: said,
      ...(advice === undefined ? {} : { hint: advice }),
    },
  });
  expectOnlyJsonLines(json);
  const all = [told, json].map(({ stdout, stderr }) => stdout + stderr).join("");
  expect(all).not.toMatch(ESCAPE);
  return all;
}

/** Progress for programs: JSON, an object on each line. */
export function expectOnlyJsonLines({ stderr }: DataopsExit): void {
  for (const line of stderr.split("\n").filter((text) => text !== "")) {
    expect(() => JSON.parse(line) as unknown, line).not.toThrow();
  }
}

function lineOf({ stderr }: DataopsExit, beginning: string): string | undefined {
  return stderr
    .split("\n")
    .find((line) => line.startsWith(beginning))
    ?.slice(beginning.length);
}
