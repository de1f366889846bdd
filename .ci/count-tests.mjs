// Prints `N passed, N failed` from vitest's JSON report. A file that failed without a failed test in it counts as one.
import { readFileSync } from "node:fs";

const [path] = process.argv.slice(2);
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(path, "utf8"));
  passed = report.numPassedTests;
  failed = report.numFailedTests;
  for (const file of report.testResults) {
    const hasFailedTest = file.assertionResults.some(({ status }) => status === "failed");
    if (file.status === "failed" && !hasFailedTest) failed += 1;
  }
} catch {
  // No report: vitest did not get that far.
  failed = 1;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
