import { ConvoyError } from '../convoy/errors.ts';
import { localId, type ObjectKind, parseId } from '../convoy/ids.ts';
import { topologyKey } from '../convoy/names.ts';
import type { Snapshot } from '../csi/gen/csi/v1/Snapshot.ts';
import type { Topology } from '../csi/gen/csi/v1/Topology.ts';
import type { Volume } from '../csi/gen/csi/v1/Volume.ts';
import { isSegmentOf } from './place.ts';
import { GLOBAL } from './router.ts';

/**
 * An agent speaks for its own node only: an answer with another node's id or topology would bind a claim to data that is not
 * the agent's to give.
 */
export class Ownership {
  readonly #driverName: string;
  readonly #nameOf: (key: string) => string;

  constructor(driverName: string, nameOf: (key: string) => string) {
    this.#driverName = driverName;
    this.#nameOf = nameOf;
  }

  /** `asked`: the id that the call was about. */
  volume(key: string, volume: Volume | null | undefined, asked?: string): void {
    this.id(key, 'volume', volume?.volumeId, asked);
    this.#topology(key, volume?.accessibleTopology);
  }

  /** A volume that was just made: its id comes from the name. */
  created(key: string, volume: Volume | null | undefined, name: string): void {
    this.volume(key, volume);
    const id = volume?.volumeId ?? '';
    if (parseId(id, 'volume')?.local !== localId('volume', name)) throw this.#foreign(key, `volume ${id}, which has another name`);
  }

  snapshot(key: string, snapshot: Snapshot | null | undefined, asked?: string): void {
    this.id(key, 'snapshot', snapshot?.snapshotId, asked);
    if (snapshot?.sourceVolumeId !== undefined) this.id(key, 'volume', snapshot.sourceVolumeId);
    this.#topology(key, snapshot?.accessibleTopology);
  }

  id(key: string, kind: ObjectKind, id = '', asked?: string): void {
    if (parseId(id, kind)?.node !== key || (asked !== undefined && asked !== id))
      throw this.#foreign(key, `${kind} ${JSON.stringify(id.slice(0, 128))}${asked === undefined ? '' : ` where ${asked} was asked for`}`);
  }

  #topology(key: string, terms: readonly Topology[] = []): void {
    if (key === GLOBAL) return;
    for (const { segments = {} } of terms) {
      const [[name, segment = ''] = [], ...more] = Object.entries(segments);
      if (more.length === 0 && name === topologyKey(this.#driverName) && isSegmentOf(key, segment)) continue;
      throw this.#foreign(key, `the topology ${JSON.stringify(segments).slice(0, 256)}`);
    }
  }

  #foreign(key: string, what: string): ConvoyError {
    const who = key === GLOBAL ? 'a global pool' : `the agent of node ${this.#nameOf(key)}`;
    return new ConvoyError('Internal', `${who} answered with ${what}, which is not its own`);
  }
}
