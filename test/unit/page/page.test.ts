import { describe, expect, test } from "vitest";
import { PAGE_HEADERS, renderPage } from "../../../src/page/page.ts";
import type { DatabaseStatus } from "../../../src/status/read-status.ts";
import { exampleStatuses, growingBackups, hostileStatus, statusOf } from "../../support/page-status.ts";
import { exampleBackup, exampleFacts, NOW } from "../../support/status-facts.ts";

const OPTIONS = { storage: "s3://acme-backups/dataops", version: "0.1.0" };

function page(...databases: DatabaseStatus[]): string {
  return renderPage({ at: NOW, databases }, OPTIONS);
}

/** What a reader sees, one space between words. */
function words(text: string): string {
  return text
    .replaceAll(/<(style|script|title)[^>]*>.*?<\/\1>/gs, "")
    .replaceAll(/<\/?time[^>]*>/g, "")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ");
}

describe("the first line", () => {
  test.for([
    ["all is well", exampleStatuses(), "All is well"],
    ["nothing is configured", [], "Nothing is watched"],
    ["one is stale", [statusOf(exampleFacts({ backups: [exampleBackup(10)] }))], "1 thing to mend now"],
    [
      "one is suspect",
      [
        statusOf(
          exampleFacts({
            backups: [exampleBackup(1, { state: "suspect", reasons: ["x"] }), exampleBackup(2)],
          }),
        ),
      ],
      "1 thing to look at",
    ],
  ] as const)("%s", ([, databases, expected]) => {
    const text = page(...databases);
    expect(words(text)).toContain(`${expected} as of 21 Nov 12:00 UTC`);
    expect(text).toContain(`${expected} – dataops</title>`);
  });
});

test("says when the newest good backup was made, when it is stale, and what comes next", () => {
  const text = words(page(...exampleStatuses()));
  expect(text).toContain("Newest good backup 2 h 0 min ago 21 Nov 10:00 UTC, stale in 5 h 0 min");
  expect(text).toContain("It holds 1.3 GB");
  expect(text).toContain("Backups 312 the newest 40 were read");
  expect(text).toContain("Last verified 6 h 24 min ago 21 Nov 05:36 UTC");
  expect(text).toContain("Last reset 5 h 59 min ago 21 Nov 06:01 UTC, next in 18 h 0 min");
  expect(text).toContain("backup production in 4 h 0 min 21 Nov 16:00 UTC");
  expect(text).toContain("products staging 5 h 29 min ago ✓ done");
  expect(text).toContain("cannot reach the database shop at db.internal:5432: connection refused");
  expect(text).toContain("Not backed up, and without jobs: local.");
});

test("says what is wrong, and what to type", () => {
  const text = page(statusOf(exampleFacts({ backups: [] })));
  expect(words(text)).toContain("there is no backup");
  expect(text).toContain("<code>dataops backup production</code>");
});

test("a storage that cannot be read is all there is to say", () => {
  const text = renderPage({ at: NOW, databases: undefined, problem: "cannot reach <it>" }, OPTIONS);
  expect(words(text)).toContain("The storage cannot be read");
  expect(text).toContain("cannot reach &lt;it&gt;");
  expect(text).not.toContain("Newest good backup");
});

test("text from outside is text, and has an end", () => {
  const hostile = `</p><script>alert(1)</script><img src=x onerror=alert(1)>'"\`${"x".repeat(10_000)}`;
  const text = page(hostileStatus(hostile));
  expect(text).not.toMatch(/<script>alert|<img/);
  expect(text).toContain("&lt;script&gt;alert(1)");
  // In each of the places where it stands, a part of it at most.
  expect(text).not.toMatch(/x{2001}/);
  expect(text.length).toBeLessThan(60_000);
});

test("a thousand backups are as long as what a person reads of them", () => {
  const backups = growingBackups(1_000);
  const text = page(statusOf(exampleFacts({ backups })));
  expect(text.match(/<rect/g)).toHaveLength(2 * 120);
  expect(text.length).toBeLessThan(150_000);
});

test("names its own script and style alone", () => {
  const policy = PAGE_HEADERS["Content-Security-Policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  const text = page(...exampleStatuses());
  expect(text).not.toMatch(/ (on\w+|style)=/);
  expect(text.match(/(src|href)="(?!data:)/g)).toBeNull();
});
