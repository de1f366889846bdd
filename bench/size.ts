const UNITS = { MB: 1e6, GB: 1e9 } as const;

/** `100MB`, `1GB`: a number and its unit. */
const SIZE = /^(\d+(?:\.\d+)?)(MB|GB)$/;

/** Bytes. @throws Error where the text is no size */
export function parseSize(text: string): number {
  const [, number, unit] = SIZE.exec(text) ?? [];
  if (number === undefined || (unit !== "MB" && unit !== "GB"))
    throw new Error(`"${text}" is not a size like 100MB or 1GB`);
  return Number(number) * UNITS[unit];
}

/** `1,250 MB`; below ten, with the decimals that still say something. */
export function megabytes(bytes: number): string {
  const millions = bytes / 1e6;
  const digits = millions >= 10 || bytes === 0 ? 0 : millions >= 1 ? 1 : millions >= 0.01 ? 2 : 3;
  const text = millions.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${text} MB`;
}
