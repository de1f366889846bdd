/** From empty to full, in eighths; and what ASCII has for it. */
const BLOCKS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;
const ASCII_BLOCKS = [" ", ".", ":", "#"] as const;

/** One bar of a chart. */
export interface Bar {
  /** From 0 up; undefined where it is not known: then there is no bar. */
  value: number | undefined;
  /** Makes the bar stand out. Adds nothing that takes room. */
  paint?: (text: string) => string;
}

export interface BarChartOptions {
  /** Lines. */
  height: number;
  /** Characters of a bar. */
  barWidth: number;
  unicode: boolean;
}

/** Bars that stand on the same ground, the highest as high as the chart; the lines from top to bottom. */
export function barChart(bars: readonly Bar[], { height, barWidth, unicode }: BarChartOptions): string[] {
  const blocks = unicode ? BLOCKS : ASCII_BLOCKS;
  const full = blocks.length - 1;
  const highest = Math.max(...bars.map(({ value }) => value ?? 0), 0);
  const steps = bars.map(({ value }) => {
    if (value === undefined || value <= 0 || highest === 0) return 0;
    // What is there is seen, however little it is.
    return Math.max(1, Math.round((value / highest) * height * full));
  });
  return Array.from({ length: height }, (_, index) => {
    const below = (height - 1 - index) * full;
    return bars
      .map(({ paint = (text) => text }, bar) => {
        const filled = Math.min(full, Math.max(0, (steps[bar] ?? 0) - below));
        return filled === 0 ? " ".repeat(barWidth) : paint((blocks[filled] ?? "").repeat(barWidth));
      })
      .join("")
      .trimEnd();
  });
}
