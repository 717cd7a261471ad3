import type { V1PersistentVolume } from '@kubernetes/client-node/dist/api.js';
import type { ClaimedVolume, ClusterView } from '../cluster/api.ts';
import { isStatus } from './api-error.ts';
import type { KubeClient } from './client.ts';
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
      const { core } = this.#client;
      const { metadata, status } = await this.#client.ask('get', { api: 'v1', resource: 'nodes', name }, (options) =>
        core.readNode({ name }, options),
      );
      const ready = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
      return { uid: metadata?.uid ?? '', ready };
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async #list(): Promise<readonly ClaimedVolume[]> {
    const found: ClaimedVolume[] = [];
    const { core } = this.#client;
    for await (const { items } of this.#client.pages(VOLUMES, (page, options) => core.listPersistentVolume(page, options)))
      found.push(...items.flatMap((volume) => this.#claimed(volume)));
    return found;
  }

  #claimed({ metadata, spec, status }: V1PersistentVolume): readonly ClaimedVolume[] {
    const { driver, volumeHandle } = spec?.csi ?? {};
    if (driver !== this.#driverName || volumeHandle === undefined) return [];
    const { namespace, name } = spec?.claimRef ?? {};
    return [
      {
        pvName: metadata?.name ?? '',
        volumeId: volumeHandle,
        ...(namespace === undefined || name === undefined ? {} : { claim: `${namespace}/${name}` }),
        phase: status?.phase ?? 'Pending',
        sizeBytes: parseQuantity(spec?.capacity?.['storage'] ?? '') ?? 0n,
        createdAt: metadata?.creationTimestamp?.getTime() ?? 0,
      },
    ];
  }
}
