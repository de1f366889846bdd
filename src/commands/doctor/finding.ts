import { isDataopsError, type DataopsError, type ExitName } from "../../errors.ts";

/** What doctor found out about one thing: what is there against what is needed. */
export type Finding = { subject: string; message: string } & (
  | { status: "ok" }
  | { status: "warn"; hint: string }
  | { status: "fail"; hint: string | undefined; exit: ExitName }
);

export function ok(subject: string, message: string): Finding {
  return { status: "ok", subject, message };
}

export function warn(subject: string, message: string, hint: string): Finding {
  return { status: "warn", subject, message, hint };
}

/** A failure of its own, or one that a step threw: then it has the step's own words. */
export function fail(subject: string, error: DataopsError): Finding {
  return { status: "fail", subject, message: error.message, hint: error.hint, exit: error.exit };
}

/** What `check` finds, or the expected failure it threw. Bugs and aborts go on. */
export async function attempt(
  subject: string,
  signal: AbortSignal,
  check: () => Promise<Finding[]>,
): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    signal.throwIfAborted();
    if (!isDataopsError(error)) throw error;
    return [fail(subject, error)];
  }
}

/** The first failure's exit; else `warnings` if there are any. */
export function exitOf(findings: readonly Finding[]): ExitName {
  for (const finding of findings) if (finding.status === "fail") return finding.exit;
  return findings.some(({ status }) => status === "warn") ? "warnings" : "done";
}

/** A line for each finding, what to do about it below, and the sum of it last. */
export function renderFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.flatMap((finding) => {
    const line = `${finding.status.padEnd(4)}  ${finding.subject.padEnd(width)}  ${finding.message}`;
    const hint = finding.status === "ok" ? undefined : finding.hint;
    return hint === undefined ? [line] : [line, `${" ".repeat(width + 8)}hint: ${hint}`];
  });
  const count = (status: Finding["status"]): number =>
    findings.filter((finding) => finding.status === status).length;
  return [...lines, "", `${count("ok")} ok, ${count("warn")} to look at, ${count("fail")} failed`].join("\n");
}
