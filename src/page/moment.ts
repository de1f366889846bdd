import { humanDuration } from "../observe/human.ts";
import { humanMoment } from "../observe/instant.ts";
import { html, type Html } from "./html.ts";

/** An instant in UTC, which the page's script turns into the reader's own time. `at` is in milliseconds since the epoch. */
export function moment(at: number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${iso}">${humanMoment(at, "UTC")} UTC</time>`;
}

/** `2 h 0 min ago`, or `in 2 h 0 min`. */
export function distance(at: number, now: number): string {
  return at <= now ? `${humanDuration(now - at)} ago` : `in ${humanDuration(at - now)}`;
}
