import type { ClaimedVolume, ClusterView } from '../cluster/api.ts';
import { isStatus } from './api-error.ts';
import type { KubeClient } from './client.ts';
import type { NodeObject, PersistentVolume } from './objects.ts';
import { parseQuantity } from './quantity.ts';

const VOLUMES = { api: 'v1', resource: 'persistentvolumes' } as const;

/** What the API server knows now. Nothing is kept. */
export class KubeClusterView implements ClusterView {
  readonly #client: KubeClient;
  readonly #driverName: string;

  constructor(client: KubeClient, driverName: string) {
    this.#client = client;
    this.#driverName = driverName;
  }

  async persistentVolumes(): Promise<readonly ClaimedVolume[]> {
    try {
      return await this.#list();
    } catch (error) {
      // The list had taken so long that the version it reads was compacted away.
      if (isStatus(error, 410)) return this.#list();
      throw error;
    }
  }

  async node(name: string): Promise<{ readonly uid: string; readonly ready: boolean } | undefined> {
    try {
      const { metadata, status } = await this.#client.get<NodeObject>({ api: 'v1', resource: 'nodes', name });
      const ready = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
      return { uid: metadata.uid ?? '', ready };
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async #list(): Promise<readonly ClaimedVolume[]> {
    const found: ClaimedVolume[] = [];
    for await (const { items } of this.#client.pages<PersistentVolume>(VOLUMES, {}))
      found.push(...items.flatMap((volume) => this.#claimed(volume)));
    return found;
  }

  #claimed({ metadata, spec, status }: PersistentVolume): readonly ClaimedVolume[] {
    const { driver, volumeHandle } = spec?.csi ?? {};
    if (driver !== this.#driverName || volumeHandle === undefined) return [];
    const { namespace, name } = spec?.claimRef ?? {};
    return [
      {
        pvName: metadata.name,
        volumeId: volumeHandle,
        ...(namespace === undefined || name === undefined ? {} : { claim: `${namespace}/${name}` }),
        phase: status?.phase ?? 'Pending',
        sizeBytes: parseQuantity(spec?.capacity?.storage ?? '') ?? 0n,
        createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
      },
    ];
  }
}
