/** Milliseconds between two looks of a page that stays open. */
const REFRESH = 30_000;

/**
 * What the page does where there is JavaScript: shows instants on the reader's clock, and takes in what is new. It goes without
 * anything of it.
 */
export const SCRIPT = `"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const format = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const localize = () => {
    for (const time of document.querySelectorAll("time")) {
      const parts = Object.fromEntries(format.formatToParts(new Date(time.dateTime)).map(({ type, value }) => [type, value]));
      time.textContent = parts.day + " " + parts.month.slice(0, 3) + " " + parts.hour + ":" + parts.minute;
    }
    document.getElementById("zone").textContent = "Times are those of " + zone + ".";
  };
  const isBusy = () => {
    const selection = document.getSelection();
    return document.hidden || (selection !== null && !selection.isCollapsed);
  };
  const refresh = async () => {
    if (isBusy()) return;
    const note = document.getElementById("note");
    try {
      const response = await fetch(location.origin + location.pathname, { signal: AbortSignal.timeout(15000) });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      const main = fresh.querySelector("main");
      if (main === null) throw new Error("no page");
      if (isBusy()) return;
      const focused = document.activeElement?.id;
      for (const open of document.querySelectorAll("details[open][id]")) {
        const same = fresh.getElementById(open.id);
        if (same !== null) same.open = true;
      }
      document.querySelector("main").replaceWith(document.adoptNode(main));
      document.title = fresh.title;
      document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").href;
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
      note.textContent = "";
      localize();
    } catch {
      note.textContent = "This page could not be brought up to date; what it shows is old.";
    }
  };
  localize();
  setInterval(refresh, ${REFRESH});
  document.addEventListener("visibilitychange", refresh);
})();
`;
