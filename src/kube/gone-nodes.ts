import { setTimeout as delay } from 'node:timers/promises';
import type { V1ConfigMap } from '@kubernetes/client-node/dist/api.js';
import type { GoneNode, GoneNodes } from '../cluster/api.ts';
import { ConvoyError } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import type { Log } from '../observe/log.ts';
import { isStatus, type NamedPlace } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { WatchedList } from './watched-list.ts';

export interface GoneNodesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Of the ConfigMap. */
  readonly name: string;
  readonly log: Log;
  readonly relistMs?: number;
}

const TRIES = 10;

/** Of a ConfigMap. */
type Data = Record<string, string>;

/**
 * The nodes that an admin declared gone, in a ConfigMap: a key for each node key, as a node name may be too long or of other
 * letters than a key. What cannot be read there is never taken for "no node is gone".
 */
export class ConfigMapGoneNodes implements GoneNodes {
  readonly #client: KubeClient;
  readonly #place: NamedPlace;
  readonly #watched: WatchedList<V1ConfigMap>;

  constructor({ client, namespace, name, log, relistMs }: GoneNodesOptions) {
    this.#client = client;
    this.#place = { api: 'v1', resource: 'configmaps', namespace, name };
    // So that a role for this one object allows it.
    const query = { fieldSelector: `metadata.name=${name}` };
    this.#watched = new WatchedList({
      client,
      place: { api: 'v1', resource: 'configmaps', namespace },
      query,
      list: (page, options) => client.core.listNamespacedConfigMap({ namespace, ...query, ...page }, options),
      log,
      ...(relistMs === undefined ? {} : { relistMs }),
    });
  }

  start(): void {
    this.#watched.start();
  }

  close(): Promise<void> {
    return this.#watched.close();
  }

  list(): readonly GoneNode[] {
    const [configMap] = this.#watched.items();
    if (configMap === undefined) throw this.#missing();
    return Object.entries(configMap.data ?? {}).map(([key, value]) => this.#parse(key, value));
  }

  async add(node: GoneNode): Promise<void> {
    const key = nodeKey(node.nodeName);
    const value = JSON.stringify(node);
    await this.#change((data) => (data[key] === value ? undefined : { ...data, [key]: value }));
  }

  async remove(nodeName: string): Promise<void> {
    const key = nodeKey(nodeName);
    await this.#change((data) => (Object.hasOwn(data, key) ? omit(data, key) : undefined));
  }

  /** `change` gives undefined when all is as it should be. */
  async #change(change: (data: Data) => Data | undefined): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const read = await this.#get();
      const data = change(read.data ?? {});
      if (data === undefined) {
        this.#watched.merge(read);
        return;
      }
      try {
        this.#watched.merge(await this.#replace({ ...read, data }));
        return;
      } catch (error) {
        if (!isStatus(error, 409) || tries === TRIES) throw error;
        await delay(Math.random() * 50 * tries);
      }
    }
  }

  #replace(body: V1ConfigMap): Promise<V1ConfigMap> {
    const { core } = this.#client;
    return this.#client.ask('update', this.#place, (options) => core.replaceNamespacedConfigMap({ ...this.#place, body }, options));
  }

  async #get(): Promise<V1ConfigMap> {
    const { core } = this.#client;
    try {
      return await this.#client.ask('get', this.#place, (options) => core.readNamespacedConfigMap(this.#place, options));
    } catch (error) {
      throw isStatus(error, 404) ? this.#missing() : error;
    }
  }

  #parse(key: string, value: string): GoneNode {
    try {
      const { nodeName, nodeUid, since } = JSON.parse(value) as Partial<Record<keyof GoneNode, unknown>>;
      const known = nodeUid === undefined || typeof nodeUid === 'string';
      if (typeof nodeName === 'string' && nodeKey(nodeName) === key && known && typeof since === 'number')
        return { nodeName, since, ...(nodeUid === undefined ? {} : { nodeUid }) };
    } catch {
      // Said below.
    }
    const { name, namespace } = this.#place;
    throw new ConvoyError(
      'Unavailable',
      `key ${JSON.stringify(key)} of ConfigMap ${JSON.stringify(name)} (namespace ${JSON.stringify(namespace)}) is not what "convoy node forget" writes there: which node is gone cannot be told; remove the key and forget the node again`,
    );
  }

  #missing(): ConvoyError {
    const { name, namespace } = this.#place;
    return new ConvoyError(
      'Unavailable',
      `ConfigMap ${JSON.stringify(name)} (namespace ${JSON.stringify(namespace)}) does not exist: the chart makes it, empty; which nodes are gone is not known without it ("helm upgrade" makes it anew)`,
    );
  }
}

const omit = (data: Data, key: string): Data => Object.fromEntries(Object.entries(data).filter(([other]) => other !== key));
