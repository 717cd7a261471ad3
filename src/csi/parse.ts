import { posix } from 'node:path';
import { invalid } from '../convoy/errors.ts';
import type { SizeRange } from '../pool/api.ts';

/** From wire to typed values. Every error is InvalidArgument and names the field by its name in csi.proto, the value and what is allowed. */

/** spec.md, "Size Limits": a string has at most 128 bytes unless its comment says otherwise. */
const STRING_BYTES = 128;
/** spec.md, "Size Limits": keys and values of a map together. */
const MAP_BYTES = 4096;
/** PATH_MAX of Linux, with its closing NUL (limits.h). */
const PATH_BYTES = 4095;

export const quote = (value: string): string => JSON.stringify(value.length > 128 ? `${value.slice(0, 128)}…` : value);

/** A string within its limit; may be empty. */
export function text(field: string, value: string, maxBytes = STRING_BYTES): string {
  const bytes = Buffer.byteLength(value);
  if (bytes > maxBytes) throw invalid(`${field} is ${quote(value)}, ${bytes} bytes; allowed are at most ${maxBytes}`);
  return value;
}

/**
 * An id as it came. Only its absence is an error here: what is no id of ours, however long or odd, does not exist, and
 * that is for the pool to say (NOT_FOUND, or OK for a delete).
 */
export function requiredId(field: string, value: string): string {
  if (value === '') throw invalid(`${field} is required`);
  return value;
}

/** Checks a map's size. Its values stay out of messages: it may hold secrets. */
export function map(field: string, entries: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  let bytes = 0;
  for (const [key, value] of Object.entries(entries)) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  if (bytes > MAP_BYTES) throw invalid(`${field} has ${bytes} bytes of keys and values; allowed are at most ${MAP_BYTES}`);
  return entries;
}

/** An absolute path below `/`, in its plain form (no `//`, `.` or closing slash), so that it compares with the mount table. */
export function parsePath(field: string, value: string): string {
  if (value === '') throw invalid(`${field} is required`);
  const clean = cleanPath(value);
  if (clean === undefined) {
    throw invalid(`${field} is ${quote(value)}; allowed is an absolute path of at most ${PATH_BYTES} bytes without ".." that is not "/"`);
  }
  return clean;
}

/** The same for where a bad path means "nothing of ours is there": undefined instead of an error. */
export function cleanPath(value: string): string | undefined {
  if (!value.startsWith('/') || value.includes('\0') || value.split('/').includes('..')) return undefined;
  if (Buffer.byteLength(value) > PATH_BYTES) return undefined;
  const plain = posix.normalize(value).replace(/\/+$/, '');
  return plain === '' ? undefined : plain;
}

/** A capacity_range; absent, or both 0, is "not asked". Values are int64 in decimal, beyond what a number can hold. */
export function parseRange(range: { readonly requiredBytes: string; readonly limitBytes: string } | null): SizeRange {
  if (range === null) return {};
  const requiredBytes = parseBytes('capacity_range.required_bytes', range.requiredBytes);
  const limitBytes = parseBytes('capacity_range.limit_bytes', range.limitBytes);
  if (requiredBytes !== undefined && limitBytes !== undefined && requiredBytes > limitBytes) {
    throw invalid(`capacity_range.required_bytes is ${requiredBytes}, more than limit_bytes, ${limitBytes}; allowed is at most the limit`);
  }
  return { ...(requiredBytes === undefined ? {} : { requiredBytes }), ...(limitBytes === undefined ? {} : { limitBytes }) };
}

function parseBytes(field: string, value: string): bigint | undefined {
  const bytes = BigInt(value);
  if (bytes < 0n) throw invalid(`${field} is ${value}; allowed are 0 (not given) and more`);
  return bytes === 0n ? undefined : bytes;
}
