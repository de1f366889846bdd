/** A word of a command line: quoted, or up to the next space. */
const WORD = /"([^"]*)"|'([^']*)'|((?:[^\s"'#|;&>]|(?<=\S)#)+)|([#|;&>])/g;

/** The words of one simple command as a shell would split them, up to a comment, a pipe or a redirection. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain, end] of line.matchAll(WORD)) {
    if (end !== undefined) break;
    words.push(double ?? single ?? plain ?? "");
  }
  return words;
}
