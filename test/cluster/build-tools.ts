import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lookAtMachine } from '../../scripts/lib/machine.ts';
import { BIN } from './rig/paths.ts';

/**
 * Builds the programs of the test cluster from their Go modules, those that are missing or whose module or flags changed.
 * In the order of the table: helm first, then what shares most with it. Arguments pick binaries by name.
 */
interface Group {
  readonly directory: 'tools' | 'tools-containerd' | 'tools-monitoring';
  /** Module that the version is taken from, and the variables that say it. */
  readonly module: string;
  readonly variables: (version: string) => Readonly<Record<string, string>>;
  /** Binary to package. */
  readonly binaries: Readonly<Record<string, string>>;
}

const SIDECARS = 'github.com/kubernetes-csi';
const mainVersion = (version: string): Record<string, string> => ({ 'main.version': version });

const GROUPS: readonly Group[] = [
  {
    directory: 'tools',
    module: 'helm.sh/helm/v4',
    variables: (version) => ({ 'helm.sh/helm/v4/internal/version.version': version }),
    binaries: { helm: 'helm.sh/helm/v4/cmd/helm' },
  },
  {
    directory: 'tools',
    module: `${SIDECARS}/external-provisioner/v6`,
    variables: mainVersion,
    binaries: { 'csi-provisioner': `${SIDECARS}/external-provisioner/v6/cmd/csi-provisioner` },
  },
  {
    directory: 'tools',
    module: `${SIDECARS}/external-snapshotter/v8`,
    variables: mainVersion,
    binaries: {
      'csi-snapshotter': `${SIDECARS}/external-snapshotter/v8/cmd/csi-snapshotter`,
      'snapshot-controller': `${SIDECARS}/external-snapshotter/v8/cmd/snapshot-controller`,
    },
  },
  {
    directory: 'tools',
    module: `${SIDECARS}/external-resizer/v2`,
    variables: mainVersion,
    binaries: { 'csi-resizer': `${SIDECARS}/external-resizer/v2/cmd/csi-resizer` },
  },
  {
    directory: 'tools',
    module: 'k8s.io/kubernetes',
    variables: () => ({}),
    binaries: Object.fromEntries(
      ['kubectl', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet'].map((name) => [
        name,
        `k8s.io/kubernetes/cmd/${name}`,
      ]),
    ),
  },
  {
    directory: 'tools',
    module: 'go.etcd.io/etcd/server/v3',
    variables: () => ({}),
    binaries: { etcd: 'go.etcd.io/etcd/server/v3' },
  },
  {
    directory: 'tools',
    module: 'github.com/containernetworking/plugins',
    variables: () => ({}),
    binaries: {
      ptp: 'github.com/containernetworking/plugins/plugins/main/ptp',
      loopback: 'github.com/containernetworking/plugins/plugins/main/loopback',
      'host-local': 'github.com/containernetworking/plugins/plugins/ipam/host-local',
    },
  },
  {
    directory: 'tools-containerd',
    module: 'github.com/containerd/containerd/v2',
    variables: (version) => ({ 'github.com/containerd/containerd/v2/version.Version': version }),
    binaries: {
      containerd: 'github.com/containerd/containerd/v2/cmd/containerd',
      'containerd-shim-runc-v2': 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
      ctr: 'github.com/containerd/containerd/v2/cmd/ctr',
    },
  },
  {
    directory: 'tools-monitoring',
    module: 'github.com/prometheus/prometheus',
    variables: () => ({}),
    binaries: { 'check-rules': 'convoy-csi/test/cluster/tools-monitoring' },
  },
];

/** What the binaries were built from, by name: the key of each. */
const KEYS_FILE = join(BIN, 'built.json');
const STILL_BUILDING_MS = 30_000;

/** Builds what is stale of the named binaries (default: all). Throws when Go is missing or cannot. */
export async function buildTools(names: readonly string[] = [], say: (line: string) => void = print): Promise<void> {
  const known = GROUPS.flatMap(({ binaries }) => Object.keys(binaries));
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no binary is called ${unknown.join(', ')}; there are ${known.join(', ')}`);
  const go = lookAtMachine().go;
  if (go === undefined)
    throw new Error('no Go: the programs of the test cluster cannot be built; install Go 1.26 or newer (https://go.dev/dl)');

  mkdirSync(BIN, { recursive: true });
  const started = performance.now();
  let built = 0;
  for (const group of GROUPS) {
    const key = keyOf(group, go);
    const keys = readKeys();
    const wanted = Object.keys(group.binaries).filter((name) => names.length === 0 || names.includes(name));
    const stale = wanted.filter((name) => keys[name] !== key || !existsSync(join(BIN, name)));
    if (stale.length === 0) continue;
    await buildGroup(group, stale, say);
    writeKeys({ ...readKeys(), ...Object.fromEntries(stale.map((name) => [name, key])) });
    built += stale.length;
  }
  if (built > 0) say(`Built ${built} programs in ${seconds(started)} into ${BIN}`);
}

/** The version of a module of the rig, by its go.mod. */
export function moduleVersion(directory: Group['directory'], module: string): string {
  const text = readFileSync(join(import.meta.dirname, directory, 'go.mod'), 'utf8');
  const line = text.split('\n').find((candidate) => candidate.replace('require ', '').trim().startsWith(`${module} v`));
  const version = line?.split(' ').find((word) => /^v\d/.test(word));
  if (version === undefined) throw new Error(`test/cluster/${directory}/go.mod requires no ${module}`);
  return version;
}

/** The source of a module of the rig, which go downloads when it is missing. */
export function moduleDirectory(directory: Group['directory'], module: string): string {
  const cwd = join(import.meta.dirname, directory);
  const args = ['mod', 'download', '-json', `${module}@${moduleVersion(directory, module)}`];
  const answer: unknown = JSON.parse(execFileSync('go', args, { cwd, encoding: 'utf8', env: { ...process.env, ...GO_ENVIRONMENT } }));
  if (typeof answer !== 'object' || answer === null || !('Dir' in answer) || typeof answer.Dir !== 'string')
    throw new Error(`go mod download says no directory of ${module}: ${JSON.stringify(answer)}`);
  return answer.Dir;
}

async function buildGroup(group: Group, names: readonly string[], say: (line: string) => void): Promise<void> {
  const what = `${names.join(', ')} ${moduleVersion(group.directory, group.module)}`;
  say(`Building ${what} with Go …`);
  const started = performance.now();
  const packages = names.map((name) => group.binaries[name] ?? '');
  // Into a directory go names each binary after its package; a single one, whose package may be called otherwise, as told.
  const output = names.length === 1 ? join(BIN, names[0] ?? '') : `${BIN}/`;
  const ticker = setInterval(() => say(`  … ${names.join(', ')}: ${seconds(started)}`), STILL_BUILDING_MS);
  try {
    await go(['build', '-buildvcs=false', '-trimpath', '-ldflags', ldflags(group), '-o', output, ...packages], group.directory);
  } finally {
    clearInterval(ticker);
  }
  say(`  ${what}: ${seconds(started)}`);
}

function go(args: readonly string[], directory: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: join(import.meta.dirname, directory),
      env: { ...process.env, ...GO_ENVIRONMENT },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    let messages = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      messages += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const problems = messages.split('\n').filter((line) => !line.startsWith('go: downloading '));
      if (code === 0) resolve();
      else
        reject(
          new Error(`go ${args.join(' ')} in test/cluster/${directory} ended with ${signal ?? code}:\n${problems.join('\n').slice(-4000)}`),
        );
    });
  });
}

/** No symbols (half the size), and the versions that helm, the sidecars and the API server tell and compare. */
function ldflags({ directory, module, variables }: Group): string {
  const kubernetes = moduleVersion('tools', 'k8s.io/kubernetes');
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)\./.exec(kubernetes) ?? [];
  const all = {
    ...variables(moduleVersion(directory, module)),
    'k8s.io/component-base/version.gitVersion': kubernetes,
    'k8s.io/component-base/version.gitMajor': major,
    'k8s.io/component-base/version.gitMinor': minor,
  };
  return ['-s', '-w', ...Object.entries(all).map(([name, value]) => `-X ${name}=${value}`)].join(' ');
}

function keyOf(group: Group, goVersion: string): string {
  const hash = createHash('sha256').update(`${goVersion}\n${ldflags(group)}\n${JSON.stringify(group.binaries)}\n`);
  // A program of ours has its source beside them.
  for (const file of ['go.mod', 'go.sum', 'main.go']) {
    const path = join(import.meta.dirname, group.directory, file);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

function readKeys(): Readonly<Record<string, unknown>> {
  if (!existsSync(KEYS_FILE)) return {};
  const keys: unknown = JSON.parse(readFileSync(KEYS_FILE, 'utf8'));
  return typeof keys === 'object' && keys !== null ? { ...keys } : {};
}

function writeKeys(keys: Readonly<Record<string, unknown>>): void {
  writeFileSync(KEYS_FILE, `${JSON.stringify(keys, undefined, 2)}\n`);
}

/** Static binaries: some go into images that hold nothing else. */
const GO_ENVIRONMENT = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' };

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildTools(process.argv.slice(2));
}
