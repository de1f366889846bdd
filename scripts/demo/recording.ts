/** The demo's commands with what they said, as README shows them: made from the demo's own output. */

const BEGIN = "<!-- recording: made by `npm run docs:recording` -->";
const END = "<!-- recording: end -->";

/** What differs from run to run, and what README shows in its place. */
const STEADY: readonly (readonly [RegExp, string])[] = [
  [/\d{8}T\d{6}Z-[a-z0-9]{6}/g, "20261121T040000Z-k3v9qa"],
];

/** Sizes and times are one run's: README keeps those that it has, where nothing else differs. */
const MEASURED = /\b(?:\d+ min )?\d+(?:\.\d+)? (?:ms|s|min|B|kB|MB)\b/g;

/** A small S3 server of the demo's own is what they are about. */
const ABOUT_THE_DEMO = /^warning: .* has no real conditional writes/;

/** The commands of the demo's output, each with its lines and its exit code. */
export function recordingOf(output: string): string {
  const lines = output.split("\n").map((line) => line.replace(/^ {3}/, ""));
  const shown: string[] = [];
  let isShown = false;
  for (const line of lines) {
    if (line.startsWith("$ ")) isShown = line.includes("dataops ");
    const [, code] = /^exit code (\d+), /.exec(line) ?? [];
    if (isShown && code === undefined && !ABOUT_THE_DEMO.test(line)) shown.push(line.trimEnd());
    if (code === undefined) continue;
    if (code !== "0") shown.push("$ echo $?", code);
    shown.push("");
    isShown = false;
  }
  const text = shown.join("\n").trimEnd();
  return STEADY.reduce((steady, [pattern, instead]) => steady.replaceAll(pattern, instead), text);
}

/** Whether two recordings say the same, but for what was measured. */
export function saysTheSame(left: string, right: string): boolean {
  const plain = (text: string): string => text.replaceAll(MEASURED, "…").replaceAll(/ +/g, " ");
  return plain(left) === plain(right);
}

/**
 * The recording that a page holds.
 *
 * @throws Error where it has no place for one
 */
export function recordingIn(page: string): string {
  const { start, end } = placeIn(page);
  return page
    .slice(start, end)
    .split("\n")
    .filter((line) => !line.startsWith("```"))
    .join("\n")
    .trim();
}

/** The page with another recording. */
export function withRecording(page: string, recording: string): string {
  const { start, end } = placeIn(page);
  return `${page.slice(0, start)}\n\n\`\`\`console\n${recording}\n\`\`\`\n\n${page.slice(end)}`;
}

function placeIn(page: string): { start: number; end: number } {
  const start = page.indexOf(BEGIN) + BEGIN.length;
  const end = page.indexOf(END);
  if (start < BEGIN.length || end < start) throw new Error(`there is no place between ${BEGIN} and ${END}`);
  return { start, end };
}
