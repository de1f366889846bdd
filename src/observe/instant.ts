/**
 * `Sat 21 Nov 16:00 +01:00 (15:00 UTC)`: an instant on the reader's clock, with its distance from UTC, since in autumn an hour
 * comes twice; and in UTC, as it stands in logs and ids. `at` is in milliseconds since the epoch.
 */
export function humanInstant(at: number, timeZone: string): string {
  const local = partsOf(at, timeZone);
  const universal = partsOf(at, "UTC");
  const offset = local.offset === "" ? "+00:00" : local.offset;
  if (offset === "+00:00") return `${universal.day} ${universal.time} UTC`;
  const inUtc = local.day === universal.day ? universal.time : `${universal.day} ${universal.time}`;
  return `${local.day} ${local.time} ${offset} (${inUtc} UTC)`;
}

/** `21 Nov 16:00`, on the reader's clock. */
export function humanMoment(at: number, timeZone: string): string {
  const { day, time } = partsOf(at, timeZone);
  return `${day.slice(day.indexOf(" ") + 1)} ${time}`;
}

/** Making one takes a hundred times as long as using it. A process knows UTC and its own time zone. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();

function formatFor(timeZone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    day: "2-digit",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZoneName: "longOffset",
  });
  FORMATS.set(timeZone, format);
  return format;
}

function partsOf(at: number, timeZone: string): { day: string; time: string; offset: string } {
  const parts = new Map(
    formatFor(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
  return {
    day: `${part("weekday")} ${part("day")} ${part("month").slice(0, 3)}`,
    time: `${part("hour")}:${part("minute")}`,
    offset: part("timeZoneName").replace("GMT", ""),
  };
}
