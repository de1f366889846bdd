/** Tells people, on stderr, how far it is. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
