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

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6).toLocaleString("en")} MB`;
}
