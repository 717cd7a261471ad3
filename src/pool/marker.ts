import { randomUUID } from 'node:crypto';
import { ConvoyError } from '../convoy/errors.ts';

/**
 * The marker at a pool's root: proof that the storage is the one that the admin configured. Which pools this node has opened,
 * and where, is remembered under the convoy root, outside the pools: a disk that is not mounted is never taken for a new pool.
 */
export interface Marker {
  readonly version: number;
  readonly uuid: string;
  readonly pool: string;
  readonly driver: string;
  /** Node name of a local pool. */
  readonly node?: string;
  readonly createdAt: string;
}
const MARKER_VERSION = 1;

export function newMarker(pool: string, driver: string, node: string | undefined): Marker {
  return {
    version: MARKER_VERSION,
    uuid: randomUUID(),
    pool,
    driver,
    ...(node === undefined ? {} : { node }),
    createdAt: new Date().toISOString(),
  };
}

export const encodeMarker = (marker: Marker): string => `${JSON.stringify(marker, undefined, 1)}\n`;

/** Throws Unavailable: a marker that cannot be read proves nothing. */
export function decodeMarker(place: string, text: string): Marker {
  let parsed: Partial<Marker> | undefined;
  try {
    parsed = JSON.parse(text) as Partial<Marker>;
  } catch {
    parsed = undefined;
  }
  const { version, uuid, pool, driver } = parsed ?? {};
  if (typeof version === 'number' && version > MARKER_VERSION)
    throw new ConvoyError(
      'Unavailable',
      `the marker at ${place} has version ${version}, this program knows ${MARKER_VERSION}: use the newer convoy that wrote it`,
    );
  if (version !== MARKER_VERSION || typeof uuid !== 'string' || typeof pool !== 'string' || typeof driver !== 'string')
    throw new ConvoyError(
      'Unavailable',
      `the marker at ${place} cannot be read: restore it from a backup, or give the data up with "convoy pools init --replace"`,
    );
  return parsed as Marker;
}

/** Throws Unavailable, saying the ways out, if this is not the pool that is configured on this node. */
export function checkMarker(marker: Marker, expected: { pool: string; driver: string; node: string | undefined; place: string }): void {
  const wrong = (what: string, found: string, asked: string, way: string): ConvoyError =>
    new ConvoyError('Unavailable', `${expected.place} holds a pool with ${what} ${found}, the configuration says ${asked}: ${way}`);
  if (marker.pool !== expected.pool)
    throw wrong('the name', marker.pool, expected.pool, 'correct the pool name or the path in the configuration');
  if (marker.driver !== expected.driver)
    throw wrong('the driver', marker.driver, expected.driver, 'correct the driver or the path in the configuration');
  if (marker.node !== expected.node)
    throw wrong(
      'the node',
      marker.node ?? 'none (global)',
      expected.node ?? 'none (global)',
      `start with --node-id ${marker.node ?? '…'} if this is the same machine, or make it this node's with "convoy pools adopt ${expected.pool}"`,
    );
}
