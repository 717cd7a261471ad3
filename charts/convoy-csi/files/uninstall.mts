// Before `helm uninstall`: fails, and so stops it, while volumes or snapshots of the driver are left. Removes nothing.
import { Kube, type KubeObject, wanted } from './kube.mts';

interface PersistentVolume extends KubeObject {
  readonly spec: {
    readonly csi?: { readonly driver: string };
    readonly claimRef?: { readonly namespace: string; readonly name: string };
  };
}
interface VolumeSnapshotContent extends KubeObject {
  readonly spec: { readonly driver: string };
}

interface Names {
  readonly driver: string;
  readonly release: string;
  readonly namespace: string;
  readonly revision: string;
}

const SHOWN = 20;

/** What is left, as text for a person; undefined = nothing. */
export async function leftOver(kube: Kube, names: Names): Promise<string | undefined> {
  const volumes = (await kube.list<PersistentVolume>('/api/v1/persistentvolumes'))
    .filter(({ spec }) => spec.csi?.driver === names.driver)
    .map(({ metadata, spec }) =>
      spec.claimRef ? `${metadata.name} (claim ${spec.claimRef.namespace}/${spec.claimRef.name})` : metadata.name,
    );
  const contents = (await kube.list<VolumeSnapshotContent>('/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents'))
    .filter(({ spec }) => spec.driver === names.driver)
    .map(({ metadata }) => metadata.name);
  if (volumes.length + contents.length === 0) return undefined;
  return [
    `Not uninstalled: driver ${names.driver} still has`,
    ...describe('PersistentVolume', volumes),
    ...describe('VolumeSnapshotContent', contents),
    'Without the driver no pod that uses them can start or end, and deleting their claims would wait for ever.',
    'Delete the claims and snapshots first. To uninstall all the same (the data stays on the nodes, and a new install serves it again):',
    `  helm uninstall ${names.release} -n ${names.namespace} --no-hooks`,
    'Nothing was removed. Helm has marked the release as uninstalling, though, and upgrades it again only after:',
    `  helm rollback ${names.release} ${names.revision} -n ${names.namespace}`,
  ].join('\n');
}

function describe(kind: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN ? [`    and ${names.length - SHOWN} more`] : [];
  return [`  ${names.length} ${kind}${names.length === 1 ? '' : 's'}:`, ...names.slice(0, SHOWN).map((name) => `    ${name}`), ...more];
}

if (import.meta.main) {
  const { env } = process;
  const driver = wanted(env, 'DRIVER_NAME');
  const found = await leftOver(Kube.inCluster(env), {
    driver,
    release: wanted(env, 'RELEASE'),
    namespace: wanted(env, 'NAMESPACE'),
    revision: wanted(env, 'REVISION'),
  });
  process.stdout.write(`${found ?? `No volume or snapshot of ${driver} is left.`}\n`);
  process.exitCode = found === undefined ? 0 : 1;
}
