import { z } from "zod";

/** A share of something, written as `50%`: 0.5. */
export function share(least: number, most: number) {
  const message = `expected a percentage from ${least}% to ${most}%`;
  return z
    .string({ error: message })
    .regex(/^\d+(\.\d+)?%$/, message)
    .transform((text) => Number(text.slice(0, -1)))
    .refine((percent) => percent >= least && percent <= most, { error: message })
    .transform((percent) => percent / 100);
}
