import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** A whole number as the demo prints it: `62,111`. */
const NUMBER = /^[\d,]+$/;

/** What the demo prints: headings, commands with what they say, and a table. Colours only where a terminal takes them. */
export class Screen {
  readonly #output: NodeJS.WriteStream;
  #step = 0;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  line(text = ""): void {
    this.#output.write(`${text}\n`);
  }

  /** Begins a step, and says in one or two sentences what it shows. */
  step(title: string, ...why: string[]): void {
    this.#step += 1;
    this.line();
    this.line(this.paint(["cyan", "bold"], `${this.#step}. ${title}`));
    for (const line of why) this.line(this.paint("dim", `   ${line}`));
    this.line();
  }

  /** A command as one would type it. */
  command(text: string): void {
    this.line(`   ${this.paint("green", "$")} ${this.paint("bold", text)}`);
  }

  /** A line that a command printed. */
  said(text: string, stream: "stdout" | "stderr"): void {
    this.line(stream === "stderr" ? this.paint("dim", `   ${text}`) : `   ${text}`);
  }

  note(text: string, style: Style = "dim"): void {
    this.line(`   ${this.paint(style, text)}`);
  }

  /** Columns as wide as they need to be; numbers stand on the right. */
  table(rows: readonly (readonly string[])[]): void {
    const columns = Math.max(...rows.map((row) => row.length));
    const widths = Array.from({ length: columns }, (_, column) =>
      Math.max(...rows.map((row) => row[column]?.length ?? 0)),
    );
    for (const row of rows) {
      const cells = row.map((cell, column) =>
        NUMBER.test(cell) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      );
      this.line(`   ${cells.join("   ").trimEnd()}`);
    }
  }

  paint(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#output });
  }
}
