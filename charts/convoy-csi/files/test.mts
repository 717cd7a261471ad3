// `helm test`: makes a claim, writes, snapshots, restores and compares, as a user would, and says which step failed and why.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, Kube, type KubeObject, wanted } from './kube.mts';

export interface Settings {
  readonly namespace: string;
  readonly storageClass: string;
  /** undefined = snapshots are not tested. */
  readonly snapshotClass: string | undefined;
  readonly size: string;
  readonly timeoutMs: number;
  readonly pollMs: number;
  readonly image: string;
  readonly pullPolicy: string;
  readonly pullSecrets: readonly { readonly name: string }[];
}

interface Claim extends KubeObject {
  readonly status?: { readonly phase?: string };
}
interface Pod extends KubeObject {
  readonly status?: { readonly phase?: string };
}
interface Snapshot extends KubeObject {
  readonly status?: { readonly readyToUse?: boolean; readonly error?: { readonly message?: string } };
}
interface KubeEvent {
  readonly involvedObject: { readonly kind: string; readonly name: string };
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

type Say = (line: string) => void;
/** What a wait looks at: done, or why not yet. Throws when it never will be. */
type Look = () => Promise<true | string>;

const WRITE = `const fs = require('fs'), file = fs.openSync('/data/hello', 'wx');
fs.writeSync(file, process.env.TEXT); fs.fsyncSync(file); console.log('written');`;
const READ = `const found = require('fs').readFileSync('/data/hello', 'utf8');
if (found !== process.env.TEXT) { console.error('/data/hello holds ' + JSON.stringify(found.slice(0, 80)) + ', not what was written'); process.exit(1); }
console.log('read back');`;

/** True if all went well. Leaves nothing behind, unless deleting fails, which counts as a failure. */
export async function test(kube: Kube, settings: Settings, say: Say): Promise<boolean> {
  const run = new Run(kube, settings, say);
  const worked = await run.steps();
  return (await run.cleanUp()) && worked;
}

class Run {
  readonly #kube: Kube;
  readonly #settings: Settings;
  readonly #say: Say;
  readonly #id = randomBytes(4).toString('hex');
  readonly #text = randomBytes(32).toString('hex');
  /** Paths of what was made, in order. */
  readonly #made: string[] = [];

  constructor(kube: Kube, settings: Settings, say: Say) {
    this.#kube = kube;
    this.#settings = settings;
    this.#say = say;
  }

  async steps(): Promise<boolean> {
    const { storageClass, snapshotClass } = this.#settings;
    const source = this.#name('source');
    const ok =
      (await this.#step(`a pod writes to a new volume of StorageClass ${storageClass}`, async () => {
        await this.#claim(source);
        await this.#pod('writer', source, WRITE);
      })) && (await this.#step('another pod reads it', () => this.#pod('reader', source, READ)));
    if (!ok || snapshotClass === undefined) {
      if (ok) this.#say('skipped: snapshot and restore, for VolumeSnapshots are not on');
      return ok;
    }
    const snapshot = this.#name('snapshot');
    const restored = this.#name('restored');
    return (
      (await this.#step(`a snapshot of VolumeSnapshotClass ${snapshotClass} becomes ready`, () => this.#snapshot(snapshot, source))) &&
      (await this.#step('a pod reads the volume that was restored from it', async () => {
        await this.#claim(restored, { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: snapshot });
        await this.#pod('restored-reader', restored, READ);
      }))
    );
  }

  /** Last made first, one kind after the other: a claim goes once its pods are gone. */
  async cleanUp(): Promise<boolean> {
    const done = await this.#step('everything is deleted again', async () => {
      for (const path of this.#made.toReversed()) await this.#kube.delete(`${path}?propagationPolicy=Background`);
      for (const path of this.#made)
        await this.#wait(async () => ((await this.#kube.get(path)) === undefined ? true : `${path} is still there`));
    });
    if (!done) this.#say(`left behind: ${this.#made.join(', ')}`);
    return done;
  }

  async #step(what: string, work: () => Promise<void>): Promise<boolean> {
    const started = Date.now();
    try {
      await work();
      this.#say(`ok: ${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
      return true;
    } catch (error) {
      this.#say(`FAILED: ${what}: ${error instanceof Error ? error.message : String(error)}`);
      await this.#sayEvents();
      return false;
    }
  }

  async #claim(name: string, dataSource?: { apiGroup: string; kind: string; name: string }): Promise<void> {
    const { storageClass, size } = this.#settings;
    await this.#create(`${this.#core}/persistentvolumeclaims`, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: storageClass,
        resources: { requests: { storage: size } },
        ...(dataSource === undefined ? {} : { dataSource }),
      },
    });
  }

  /** Runs to its end. */
  async #pod(kind: string, claim: string, script: string): Promise<void> {
    const name = this.#name(kind);
    const path = `${this.#core}/pods`;
    await this.#create(path, podOf(name, claim, script, this.#text, this.#settings));
    await this.#wait(async () => {
      const phase = (await this.#kube.get<Pod>(`${path}/${name}`))?.status?.phase;
      if (phase === 'Failed') throw new Error(`pod ${name} failed: ${(await this.#kube.text(`${path}/${name}/log?tailLines=5`)).trim()}`);
      const claimed = (await this.#kube.get<Claim>(`${this.#core}/persistentvolumeclaims/${claim}`))?.status?.phase;
      return phase === 'Succeeded' || `pod ${name} is ${phase ?? 'not there'}, its claim ${claim} is ${claimed ?? 'not there'}`;
    });
  }

  async #snapshot(name: string, claim: string): Promise<void> {
    const path = `/apis/snapshot.storage.k8s.io/v1/namespaces/${this.#settings.namespace}/volumesnapshots`;
    await this.#create(path, {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshot',
      metadata: { name },
      spec: { volumeSnapshotClassName: this.#settings.snapshotClass, source: { persistentVolumeClaimName: claim } },
    });
    await this.#wait(async () => {
      const status = (await this.#kube.get<Snapshot>(`${path}/${name}`))?.status;
      if (status?.readyToUse === true) return true;
      return status?.error?.message ?? `snapshot ${name} is not ready: does a snapshot-controller run in the cluster?`;
    });
  }

  async #create(path: string, object: KubeObject & Readonly<Record<string, unknown>>): Promise<void> {
    await this.#kube.create(path, object);
    this.#made.push(`${path}/${object.metadata.name}`);
  }

  async #wait(look: Look): Promise<void> {
    const { timeoutMs, pollMs } = this.#settings;
    const end = Date.now() + timeoutMs;
    for (let found = await look(); found !== true; found = await look()) {
      if (Date.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${found}`);
      await delay(pollMs);
    }
  }

  /** Those of our objects: they name what the driver, the scheduler and the kubelet complain of. */
  async #sayEvents(): Promise<void> {
    try {
      const events = await this.#kube.list<KubeEvent>(`${this.#core}/events`);
      for (const { involvedObject, type, reason, message } of events
        .filter((event) => event.involvedObject.name.includes(this.#id))
        .slice(-15))
        this.#say(`  event of ${involvedObject.kind} ${involvedObject.name}: ${type} ${reason}: ${message}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#say(`  its events cannot be read: ${error.message}`);
    }
  }

  get #core(): string {
    return `/api/v1/namespaces/${this.#settings.namespace}`;
  }

  #name(what: string): string {
    return `convoy-test-${this.#id}-${what}`;
  }
}

/** As a user's pod: no root, no rights, a group of its own for the files. */
function podOf(
  name: string,
  claim: string,
  script: string,
  text: string,
  settings: Settings,
): KubeObject & Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 5,
      imagePullSecrets: settings.pullSecrets,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'work',
          image: settings.image,
          imagePullPolicy: settings.pullPolicy,
          command: ['node', '-e', script],
          env: [{ name: 'TEXT', value: text }],
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '128Mi' } },
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }],
    },
  };
}

if (import.meta.main) {
  const { env } = process;
  const settings: Settings = {
    namespace: wanted(env, 'NAMESPACE'),
    storageClass: wanted(env, 'STORAGE_CLASS'),
    snapshotClass: env['SNAPSHOT_CLASS'] || undefined,
    size: wanted(env, 'SIZE'),
    timeoutMs: Number(wanted(env, 'TIMEOUT_SECONDS')) * 1000,
    pollMs: 1000,
    image: wanted(env, 'IMAGE'),
    pullPolicy: wanted(env, 'PULL_POLICY'),
    pullSecrets: JSON.parse(wanted(env, 'PULL_SECRETS')) as Settings['pullSecrets'],
  };
  const worked = await test(Kube.inCluster(env), settings, (line) => process.stdout.write(`${line}\n`));
  process.exitCode = worked ? 0 : 1;
}
