/** Fewer columns are no width to write in. */
const LEAST_COLUMNS = 20;

/** Every space but that between a number and its unit. */
const BREAKABLE_SPACE = / (?![a-z])|(?<!\d) /i;

/**
 * `prefix`, and the text after it in lines of at most `columns` characters, all of it beginning where the prefix ends. Lines
 * break at spaces, but not between a number and its unit; a word that is longer stays whole.
 */
export function hang(prefix: string, text: string, columns: number): string[] {
  const room = Math.max(LEAST_COLUMNS, columns - prefix.length);
  const lines: string[] = [];
  let line = "";
  for (const word of text.replaceAll(/\s+/g, " ").split(BREAKABLE_SPACE)) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((part, index) => (index === 0 ? prefix : " ".repeat(prefix.length)) + part);
}
