import type { Consistency } from '../convoy/contract.ts';
import { invalid } from '../convoy/errors.ts';
import { isPoolName } from '../convoy/ids.ts';
import { PARAMETER, SIDECAR_PARAMETER_PREFIXES } from '../convoy/names.ts';
import { type ParsedCreateOptions, parseCreateOptions, STORAGE_CLASS_OPTIONS } from '../convoy/options.ts';
import { map, quote } from './parse.ts';

/** StorageClass parameters, parsed (docs/parameters.md). */
export interface ClassParameters {
  readonly pool?: string;
  readonly consistency?: Consistency;
  readonly options: ParsedCreateOptions;
  /** What is left: for the pool to allow or refuse. */
  readonly driverParameters: Readonly<Record<string, string>>;
}

type Wire = Readonly<Record<string, string>>;

/** Driver parameters have plain names; anything else (`__proto__`, `toString`) cannot be one and is refused here. */
const DRIVER_PARAMETER = /^[A-Za-z][A-Za-z0-9._-]{0,62}$/;
const CONSISTENCIES: readonly string[] = ['point-in-time', 'files'] satisfies readonly Consistency[];

export function parseClassParameters(wire: Wire): ClassParameters {
  const options: [string, string][] = [];
  const others: [string, string][] = [];
  for (const [key, value] of ownKeys(wire)) {
    if (Object.hasOwn(PARAMETER, key)) continue;
    if ((STORAGE_CLASS_OPTIONS as readonly string[]).includes(key)) options.push([key, value]);
    else if (DRIVER_PARAMETER.test(key) && !(key in Object.prototype)) others.push([key, value]);
    else throw unknownKey('parameters', key, [...Object.values(PARAMETER), ...STORAGE_CLASS_OPTIONS, 'what the pool allows of its driver']);
  }
  return {
    ...parsePool(wire),
    ...parseConsistency(wire),
    options: parseCreateOptions(Object.fromEntries(options), STORAGE_CLASS_OPTIONS),
    driverParameters: Object.fromEntries(others),
  };
}

/** VolumeSnapshotClass parameters. */
export function parseSnapshotParameters(wire: Wire): { readonly consistency?: Consistency } {
  for (const [key] of ownKeys(wire)) if (key !== PARAMETER.consistency) throw unknownKey('parameters', key, [PARAMETER.consistency]);
  return parseConsistency(wire);
}

/** MODIFY_VOLUME is not advertised: nothing of a volume can be changed by a VolumeAttributesClass. */
export function refuseMutableParameters(wire: Wire): void {
  map('mutable_parameters', wire);
  const [first] = Object.keys(wire);
  if (first !== undefined)
    throw invalid(`mutable_parameters has the key ${quote(first)}; allowed is none: leave the VolumeAttributesClass out`);
}

/** Without what the sidecars add. */
function ownKeys(wire: Wire): readonly (readonly [string, string])[] {
  return Object.entries(map('parameters', wire)).filter(([key]) => !SIDECAR_PARAMETER_PREFIXES.some((prefix) => key.startsWith(prefix)));
}

function parsePool(wire: Wire): { readonly pool?: string } {
  const pool = own(wire, PARAMETER.pool);
  if (pool === undefined) return {};
  if (!isPoolName(pool))
    throw invalid(
      `parameters["pool"] is ${quote(pool)}; allowed is the name of a pool: a lower-case letter, then up to 19 of a-z, 0-9 and "-"`,
    );
  return { pool };
}

function parseConsistency(wire: Wire): { readonly consistency?: Consistency } {
  const consistency = own(wire, PARAMETER.consistency);
  if (consistency === undefined) return {};
  if (!CONSISTENCIES.includes(consistency))
    throw invalid(`parameters["consistency"] is ${quote(consistency)}; allowed are ${CONSISTENCIES.join(' and ')}`);
  return { consistency: consistency as Consistency };
}

const own = (wire: Wire, key: string): string | undefined => (Object.hasOwn(wire, key) ? wire[key] : undefined);

const unknownKey = (field: string, key: string, allowed: readonly string[]): Error =>
  invalid(`${field} has the unknown key ${quote(key)}; allowed are ${allowed.join(', ')}`);
