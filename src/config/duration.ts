import { invalid } from '../convoy/errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds from seconds (`90`, 90) or a number with s, m, h or d (`24h`). InvalidArgument names `field`. At most ten years. */
export function parseDuration(field: string, value: string | number): number {
  const [, digits, unit] = /^(\d{1,12})([smhd]?)$/.exec(String(value)) ?? [];
  const milliseconds = Number(digits) * (UNIT_MS[unit === undefined || unit === '' ? 's' : unit] ?? Number.NaN);
  if (digits === undefined || !(milliseconds <= 3650 * 86_400_000))
    throw invalid(`${field} is ${JSON.stringify(value)}; allowed are seconds or a number with s, m, h or d, such as 24h, up to 3650d`);
  return milliseconds;
}
