/** Values for people. */

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `0 B`, `512 B`, `1.0 GiB`. Rounded down, so that what is not full never shows as full. */
export function formatBytes(bytes: bigint): string {
  if (bytes < 1024n) return `${bytes} B`;
  let unit = 0;
  let divisor = 1024n;
  while (unit < UNITS.length - 1 && bytes >= divisor * 1024n) {
    divisor *= 1024n;
    unit += 1;
  }
  const tenths = (bytes * 10n) / divisor;
  return `${tenths / 10n}.${tenths % 10n} ${UNITS[unit]}`;
}

const SPANS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** `3 d`, `5 h`, `12 s`: the largest unit alone. */
export function formatDuration(milliseconds: number): string {
  for (const [unit, span] of SPANS) if (milliseconds >= span) return `${Math.floor(milliseconds / span)} ${unit}`;
  return `${Math.max(0, Math.round(milliseconds))} ms`;
}

/** `2026-11-22 17:05` in the local time zone. */
export function formatTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/**
 * Names are hostile Unicode: what would move the cursor, break the line or turn the text around is shown by its code.
 * Cc and Cf are control and format characters, Zl and Zp line and paragraph separators.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
