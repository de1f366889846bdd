import { describe, expect } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { DataopsError } from "../../../src/errors.ts";
import type { DatabaseStatus } from "../../../src/status/read-status.ts";
import { leastContrast } from "../../support/contrast.ts";
import { exampleStatuses, growingBackups, hostileStatus, statusOf } from "../../support/page-status.ts";
import { test, type OpenPage } from "../../support/page-test.ts";
import { exampleBackup, exampleFacts } from "../../support/status-facts.ts";

const PHONE = { viewport: { width: 390, height: 844 } };

const UNREACHABLE = new DataopsError("unreachable", "cannot reach the bucket acme-backups");

const HOSTILE = [
  `<script>alert(1)</script>`,
  `"><img src=https://evil.example/x onerror=alert(1)>`,
  `' onmouseover='alert(1)`,
  `</title></style></svg><svg onload=alert(1)>`,
  "👩‍🚀 \u202Eevil \u0000\u001B[31m &amp; \uD83D",
  "x".repeat(10_000),
];

const SITUATIONS: readonly [string, readonly DatabaseStatus[] | Error][] = [
  ["as usual", exampleStatuses()],
  ["without a backup", [statusOf(exampleFacts({ backups: [] }))]],
  ["with one backup", [statusOf(exampleFacts({ backups: [exampleBackup(2)] }))]],
  ["with a thousand backups", [statusOf(exampleFacts({ backups: growingBackups(1_000) }))]],
  ["without a database", []],
  ["with hostile texts", HOSTILE.map(hostileStatus)],
  ["without its storage", UNREACHABLE],
];

test.for(SITUATIONS)(
  "a page %s can be read and heard, fits on a phone, asks nobody else, and has nothing to complain about",
  async ([, statuses], { open }) => {
    const { page, complaints } = await open({ statuses, browser: PHONE });
    for (const details of await page.locator("summary").all()) await details.click();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(PHONE.viewport.width);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect((await leastContrast(page)).ratio).toBeGreaterThanOrEqual(4.5);
    }
    expect(await page.locator("h1").count()).toBe(1);
    expect(await page.locator("section:not([aria-labelledby])").count()).toBe(0);
    expect(await page.locator("table:not(:has(> caption))").count()).toBe(0);
    expect(await page.locator("svg:not([role=img][aria-label])").count()).toBe(0);
    const ids = await page.evaluate<string[]>(`[...document.querySelectorAll("[id]")].map(({ id }) => id)`);
    expect(new Set(ids).size).toBe(ids.length);

    await refresh(page);
    // That an answer was no good one is the browser's own remark: once for the page, once for what is new.
    const remark: unknown = expect.stringContaining("503");
    expect(complaints).toEqual(statuses instanceof Error ? [remark, remark] : []);
  },
);

test("shows a reader's own time, and UTC without JavaScript", async ({ open }) => {
  const { page } = await open();
  await expect.poll(() => page.locator(".summary time").textContent()).toBe("21 Nov 13:00");
  expect(await page.locator("footer").textContent()).toContain("Times are those of Europe/Berlin.");

  const plain = await open({ browser: { javaScriptEnabled: false } });
  expect(await plain.page.locator(".summary time").textContent()).toBe("21 Nov 12:00 UTC");
  expect(await plain.page.locator("footer").textContent()).toContain("Times are in UTC.");
  expect(await plain.page.getByText("connection refused").isVisible()).toBe(true);
  expect(await plain.page.locator("svg").count()).toBe(2);
});

describe("an open page", () => {
  test("takes in what is new, and leaves open what was opened, and the focus where it was", async ({
    open,
  }) => {
    const { page, found, complaints } = await open();
    await page.locator("summary").first().click();
    found.statuses = [statusOf(exampleFacts({ backups: [exampleBackup(10)] }))];
    await refresh(page);
    await expect.poll(() => page.locator(".summary").textContent()).toContain("1 thing to mend now");
    expect(await page.title()).toBe("✗ 1 thing to mend now – dataops");
    expect(await page.locator("details[open]").count()).toBe(1);
    expect(await page.locator("summary:focus").count()).toBe(1);
    expect(await page.locator(".summary time").textContent()).toBe("21 Nov 13:00");
    expect(complaints).toEqual([]);
  });

  test("says when the storage is gone, and when it is back", async ({ open }) => {
    const { page, found } = await open();
    found.statuses = UNREACHABLE;
    await refresh(page);
    await expect
      .poll(() => page.locator("main").textContent())
      .toContain("cannot reach the bucket acme-backups");
    found.statuses = exampleStatuses();
    await refresh(page);
    await expect.poll(() => page.locator(".summary").textContent()).toContain("All is well");
  });

  test("keeps what it shows when nobody answers, and says that it is old", async ({ open }) => {
    const { page, close } = await open();
    await close();
    await page.clock.runFor(31_000);
    await expect.poll(() => page.locator("#note").textContent()).toContain("what it shows is old");
    expect(await page.locator(".summary").textContent()).toContain("All is well");
  });

  test("shows its password again each time", async ({ open }) => {
    const { page, found, complaints } = await open({
      credentials: { token: undefined, basic: { user: "ops", password: new Secret("s3ntinel") } },
      browser: { httpCredentials: { username: "ops", password: "s3ntinel" } },
    });
    found.statuses = [];
    await refresh(page);
    await expect.poll(() => page.locator("main").textContent()).toContain("No job has run yet");
    expect(complaints).toEqual([]);
  });
});

/** Lets half a minute pass in the browser, until the page has taken in what is new. */
async function refresh(page: OpenPage["page"]): Promise<void> {
  await page.evaluate(`document.querySelector("main").dataset.old = ""`);
  await page.clock.runFor(31_000);
  await page.locator("main:not([data-old])").waitFor();
}
