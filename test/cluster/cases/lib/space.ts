import assert from 'node:assert/strict';
import { type Cluster, openCluster } from '../../rig/cluster.ts';
import { CommandError } from '../../rig/shell.ts';
import { Api, type KubeObject } from './api.ts';
import {
  type Claim,
  type ClaimOptions,
  claimSpec,
  type KubeEvent,
  type Pod,
  type PodOptions,
  podSpec,
  type Snapshot,
  type SnapshotContent,
  type Volume,
} from './objects.ts';
import { eventsOf, notYet, showEvents, until } from './waiting.ts';

/** Without the status; its kind is told by where it is made. */
export interface NewObject {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly [field: string]: unknown;
}

const SNAPSHOT_API = '/apis/snapshot.storage.k8s.io/v1';
/** Of what is not in the core API. */
const APIS: Readonly<Record<string, string>> = { volumesnapshots: SNAPSHOT_API, statefulsets: '/apis/apps/v1' };
const NAMESPACES = '/api/v1/namespaces';
export const VOLUMES = '/api/v1/persistentvolumes';
export const CONTENTS = `${SNAPSHOT_API}/volumesnapshotcontents`;
export const CLASSES = '/apis/storage.k8s.io/v1/storageclasses';
export const SNAPSHOT_CLASSES = `${SNAPSHOT_API}/volumesnapshotclasses`;
export const SNAPSHOT_CLASS = 'convoy';

/** A namespace of one test file, what is made in it, and waits that tell the events of what they wait for. */
export class Space {
  readonly cluster: Cluster;
  readonly api: Api;
  readonly name: string;
  /** Without a namespace, so they do not go with it. */
  readonly #outside: string[] = [];

  private constructor(cluster: Cluster, name: string) {
    this.cluster = cluster;
    this.api = new Api(cluster.kubeconfig);
    this.name = name;
  }

  static async open(name: string): Promise<Space> {
    const space = new Space(openCluster(), name);
    const { api } = space;
    const path = `${NAMESPACES}/${name}`;
    // Of a run that was cut short.
    if ((await api.find<KubeObject>(path)) !== undefined) await space.close();
    await space.gone(path);
    await api.create(NAMESPACES, { metadata: { name } });
    // Made by a controller a moment after its namespace; pods are refused until then.
    await space.until('the default service account', () => api.get(space.path('serviceaccounts', 'default')));
    return space;
  }

  /** Removes all that was made, and waits until the driver has deleted it too. */
  async close(): Promise<void> {
    const { api } = this;
    await api.remove(this.path('statefulsets'));
    await this.#remove('pods', () => true);
    // A claim that waits in vain for a snapshot keeps it, and a snapshot that is cut in vain keeps its claim.
    await this.#remove('persistentvolumeclaims', ({ status }) => status?.phase === 'Pending');
    await this.#remove('volumesnapshots', () => true);
    await this.#remove('persistentvolumeclaims', () => true);
    for (const path of this.#outside.toReversed()) await api.remove(path);
    // Nobody else removes these.
    for (const { metadata, spec } of await api.list<SnapshotContent>(CONTENTS))
      if (spec.deletionPolicy === 'Retain' && spec.volumeSnapshotRef.namespace === this.name)
        await api.remove(`${CONTENTS}/${metadata.name}`);
    await this.until('the volumes and snapshots of the claims to go', async () => assert.equal(await this.#leftOver(), ''));
    await api.remove(`${NAMESPACES}/${this.name}`);
  }

  /** For an object without a namespace: removed at the end, the last one first. Reclaiming is up to the test. */
  async outside<T = KubeObject>(path: string, body: NewObject): Promise<T> {
    this.#outside.push(`${path}/${body.metadata.name}`);
    await this.api.remove(`${path}/${body.metadata.name}`);
    await this.gone(`${path}/${body.metadata.name}`);
    return await this.api.create<T>(path, body);
  }

  async claim(name: string, options: ClaimOptions): Promise<Claim> {
    return await this.api.create<Claim>(this.path('persistentvolumeclaims'), { metadata: { name }, spec: claimSpec(options) });
  }

  /** Asks for more room. */
  async grow(name: string, size: string): Promise<void> {
    await this.api.merge(this.path('persistentvolumeclaims', name), { spec: { resources: { requests: { storage: size } } } });
  }

  /** Until the claim says that it has this size, which is once the volume and its file system have. */
  async grown(name: string, size: string): Promise<void> {
    await this.until(`claim ${name} to have ${size}`, async () => {
      const { status } = await this.getClaim(name);
      assert.equal(status?.capacity?.storage, size, JSON.stringify(status));
    });
  }

  /** The pods must be gone. */
  async removeClaims(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.api.remove(this.path('persistentvolumeclaims', name));
    await this.gone(...names.map((name) => this.path('persistentvolumeclaims', name)));
  }

  async getClaim(name: string): Promise<Claim> {
    return await this.api.get<Claim>(this.path('persistentvolumeclaims', name));
  }

  async bound(name: string): Promise<Claim> {
    return await this.until(`claim ${name} to be bound`, async () => {
      const claim = await this.getClaim(name);
      return claim.status?.phase === 'Bound' ? claim : notYet(`it is ${claim.status?.phase ?? 'without status'}`);
    });
  }

  /** The PersistentVolume that a claim is bound to. */
  async volumeOf(claim: string): Promise<Volume> {
    const { spec } = await this.bound(claim);
    return await this.api.get<Volume>(`${VOLUMES}/${spec.volumeName ?? assert.fail(`claim ${claim} is bound to nothing`)}`);
  }

  /** Where the volume of a claim is, by the node affinity of its PersistentVolume. */
  async nodeOf(claim: string): Promise<string> {
    return onlyNode(await this.volumeOf(claim));
  }

  async pod(name: string, options: PodOptions): Promise<Pod> {
    const { labels } = options;
    return await this.api.create<Pod>(this.path('pods'), { metadata: { name, labels }, spec: podSpec(options) });
  }

  async getPod(name: string): Promise<Pod> {
    return await this.api.get<Pod>(this.path('pods', name));
  }

  async ready(...names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map((name) =>
        this.until(`pod ${name} to be ready`, async () => {
          const { status } = await this.getPod(name);
          if (status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') !== true)
            notYet(`it is ${status?.phase ?? 'without status'}`);
        }),
      ),
    );
  }

  /** Where a pod runs. */
  async podNode(name: string): Promise<string> {
    return (await this.getPod(name)).spec.nodeName ?? assert.fail(`pod ${name} has no node`);
  }

  /** Made, and ready. */
  async run(name: string, options: PodOptions): Promise<void> {
    await this.pod(name, options);
    await this.ready(name);
  }

  async removePods(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.api.remove(this.path('pods', name));
    await this.gone(...names.map((name) => this.path('pods', name)));
  }

  async gone(...paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await this.until(`${path} to go`, async () => assert.equal(await this.api.find(path), undefined, 'it is still there'));
    }
  }

  async exec(pod: string, script: string): Promise<string> {
    return await this.cluster.kubectl(['exec', `--namespace=${this.name}`, pod, '--', 'sh', '-ec', script]);
  }

  /** What a command that must fail in a pod says. */
  async execFails(pod: string, script: string): Promise<string> {
    try {
      const said = await this.exec(pod, script);
      return assert.fail(`this should have failed in pod ${pod}: ${script}; it said ${JSON.stringify(said)}`);
    } catch (error) {
      if (error instanceof CommandError) return error.stderr;
      throw error;
    }
  }

  async snapshot(name: string, claim: string, snapshotClass = SNAPSHOT_CLASS): Promise<void> {
    const source = { persistentVolumeClaimName: claim };
    await this.api.create(this.path('volumesnapshots'), { metadata: { name }, spec: { volumeSnapshotClassName: snapshotClass, source } });
  }

  async snapshotReady(name: string): Promise<Snapshot> {
    return await this.until(`snapshot ${name} to be ready`, async () => {
      const snapshot = await this.api.get<Snapshot>(this.path('volumesnapshots', name));
      return snapshot.status?.readyToUse === true ? snapshot : notYet(`its status is ${JSON.stringify(snapshot.status)}`);
    });
  }

  async contentOf(snapshot: string): Promise<SnapshotContent> {
    const { status } = await this.snapshotReady(snapshot);
    return await this.api.get<SnapshotContent>(`${CONTENTS}/${status?.boundVolumeSnapshotContentName}`);
  }

  async events(name: string): Promise<readonly KubeEvent[]> {
    return (await eventsOf(this.api, this.name)).filter(({ involvedObject }) => involvedObject.name === name);
  }

  /** The event of an object whose message matches. */
  async event(name: string, message: RegExp): Promise<KubeEvent> {
    return await this.until(`an event of ${name} that says ${message}`, async () => {
      const found = (await this.events(name)).find((event) => message.test(event.message));
      return found ?? notYet('there is none');
    });
  }

  /** When the time is over: the events of the objects that `what` names, and of the claims of the pods among them. */
  async until<T>(what: string, look: () => Promise<T>, timeoutMs?: number): Promise<T> {
    return await until(what, look, () => this.#explain(what), timeoutMs);
  }

  /** All of them; waits for those that `awaited` picks. */
  async #remove(resource: string, awaited: (object: Claim) => boolean): Promise<void> {
    const path = this.path(resource);
    await this.api.remove(path);
    await this.until(`all ${resource} to go`, async () =>
      assert.deepEqual(namesOf((await this.api.list<Claim>(path)).filter(awaited)), []),
    );
  }

  async #explain(what: string): Promise<string> {
    const named = new Set(what.split(/[\s/]+/));
    for (const { metadata, spec } of await this.api.list<Pod>(this.path('pods')))
      if (named.has(metadata.name))
        for (const { persistentVolumeClaim } of spec.volumes ?? []) named.add(persistentVolumeClaim?.claimName ?? '');
    const events = await eventsOf(this.api, this.name);
    return showEvents(events.filter(({ involvedObject }) => named.has(involvedObject.name)));
  }

  /** Of a collection in this namespace, or of an object of it. */
  path(resource: string, name?: string): string {
    const api = APIS[resource] ?? '/api/v1';
    return `${api}/namespaces/${this.name}/${resource}${name === undefined ? '' : `/${name}`}`;
  }

  async #leftOver(): Promise<string> {
    const volumes = await this.api.list<Volume>(VOLUMES);
    const contents = await this.api.list<SnapshotContent>(CONTENTS);
    return [
      ...volumes
        .filter(({ spec }) => spec.claimRef?.namespace === this.name)
        .map(({ metadata, status }) => `${metadata.name} (${status?.phase})`),
      ...contents.filter(({ spec }) => spec.volumeSnapshotRef.namespace === this.name).map(({ metadata }) => metadata.name),
    ].join(', ');
  }
}

const namesOf = (objects: readonly KubeObject[]): readonly string[] => objects.map(({ metadata }) => metadata.name);

/** The one node that a PersistentVolume is bound to. */
export function onlyNode({ metadata, spec }: Volume): string {
  const values = (spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).flatMap(({ matchExpressions = [] }) =>
    matchExpressions.flatMap((expression) => expression.values ?? []),
  );
  const [node, ...more] = values;
  assert.ok(node !== undefined && more.length === 0, `PersistentVolume ${metadata.name} is bound to ${values.join(', ') || 'no node'}`);
  return node;
}
