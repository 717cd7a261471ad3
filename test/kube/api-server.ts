import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RbacAuthorizationV1Api } from '@kubernetes/client-node/dist/api.js';
import { KubeClient } from '../../src/kube/client.ts';
import { connectionFrom, type KubeConnection } from '../../src/kube/connection.ts';
import { freePorts } from '../support/free-ports.ts';

export const BIN = join(import.meta.dirname, '../../.cache/cluster/bin');
const START_TIMEOUT_MS = 60_000;
export const ISSUER = 'https://kubernetes.default.svc';

/** Why no API server can be started here, or one of those programs is missing, for `describe(…, { skip })`; false = it can. */
export function whyNoApiServer(programs: readonly string[] = []): string | false {
  const missing = ['etcd', 'kube-apiserver', ...programs].filter((name) => !existsSync(join(BIN, name)));
  return missing.length === 0 ? false : `SKIPPED: ${missing.join(' and ')} not built: "node test/cluster/build-tools.ts" builds them`;
}

/** A real kube-apiserver and its etcd on loopback, with RBAC, and with nothing in it that the test did not make. */
export interface ApiServer {
  /** As a member of system:masters. */
  readonly admin: KubeClient;
  /** With which service-account tokens are signed. */
  readonly signingKey: KeyObject;
  /** Path of a kubeconfig with the credentials of this token: `admin`, or one of `users`. */
  kubeconfig(token: string): string;
  connection(token: string): KubeConnection;
  /** What comes before the path of a pod's credentials there, with any token. */
  serviceAccount(token: string): ServiceAccount;
  readonly environment: { readonly KUBERNETES_SERVICE_HOST: string; readonly KUBERNETES_SERVICE_PORT: string };
  /** SIGKILL of the API server alone; resolves when it has ended. */
  kill(): Promise<void>;
  /** Starts it again on the same port, and waits until it is ready. */
  restart(): Promise<void>;
  /** Stops (SIGSTOP) and continues the API server: what it answers to hangs meanwhile. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export interface ServiceAccount {
  readonly prefix: string;
  readonly tokenFile: string;
  readonly caFile: string;
}

/** `users`: more tokens, each of the user of the same name, without any right. */
export async function startApiServer(users: readonly string[] = []): Promise<ApiServer> {
  const directory = mkdtempSync(join(tmpdir(), 'convoy-kube-'));
  const [etcdPort, peerPort, port] = await freePorts(3);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(directory, 'sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  const lines = ['admin,admin,admin,system:masters', ...users.map((user) => `${user},${user},${user}`)];
  writeFileSync(join(directory, 'tokens.csv'), lines.join('\n'), { mode: 0o600 });

  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const etcd = run(directory, 'etcd', [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ]);
  const startServer = (): ChildProcess => run(directory, 'kube-apiserver', serverFlags(directory, etcdUrl, port ?? 0));
  let server = startServer();
  const kubeconfig = (token: string): string => writeKubeconfig(directory, `https://127.0.0.1:${port}`, token);
  const connection = (token: string): KubeConnection => connectionFrom({ KUBECONFIG: kubeconfig(token) });
  let admin: KubeClient | undefined;
  try {
    admin = await whenReady(directory, server, () => connection('admin'));
  } catch (error) {
    await Promise.all([end(server), end(etcd)]);
    throw error;
  }
  return {
    admin,
    signingKey: privateKey,
    kubeconfig,
    connection,
    serviceAccount: (token) => writeServiceAccount(directory, token),
    environment: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
    kill: () => end(server),
    restart: async () => {
      server = startServer();
      await (await whenReady(directory, server, () => connection('admin'))).close();
    },
    pause: () => server.kill('SIGSTOP'),
    resume: () => server.kill('SIGCONT'),
    close: async () => {
      await admin.close();
      await Promise.all([end(server), end(etcd)]);
      rmSync(directory, { recursive: true });
    },
  };
}

function serverFlags(directory: string, etcdUrl: string, port: number): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    // It makes its own certificate there, for loopback.
    `--cert-dir=${join(directory, 'certificates')}`,
    `--token-auth-file=${join(directory, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    `--service-account-issuer=${ISSUER}`,
    `--service-account-signing-key-file=${join(directory, 'sa.key')}`,
    `--service-account-key-file=${join(directory, 'sa.key')}`,
    '--service-cluster-ip-range=10.96.0.0/24',
    // As the control planes of clusters have it.
    '--allow-privileged=true',
    // Pods here need no token of their own: no controller makes their service accounts' objects.
    '--disable-admission-plugins=ServiceAccount',
  ];
}

function writeKubeconfig(directory: string, server: string, token: string): string {
  const path = join(directory, `${token}.kubeconfig`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': join(directory, 'certificates/apiserver.crt') } }],
    users: [{ name: token, user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: token } }],
    'current-context': 'test',
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

/** As the kubelet mounts it. */
function writeServiceAccount(directory: string, token: string): ServiceAccount {
  const prefix = mkdtempSync(join(directory, 'account-'));
  const mounted = join(prefix, 'var/run/secrets/kubernetes.io/serviceaccount');
  mkdirSync(mounted, { recursive: true });
  const [tokenFile, caFile] = [join(mounted, 'token'), join(mounted, 'ca.crt')];
  writeFileSync(tokenFile, token);
  writeFileSync(caFile, readFileSync(join(directory, 'certificates/apiserver.crt')));
  return { prefix, tokenFile, caFile };
}

/** As the process of a pod: the client library reads these variables by itself. */
export function asPod(environment: ApiServer['environment'], prefix: string): KubeConnection {
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, environment);
  try {
    return connectionFrom(environment, prefix);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** A client of the server, once it answers for what the tests need: namespaces and RBAC's own roles. */
async function whenReady(directory: string, server: ChildProcess, connection: () => KubeConnection): Promise<KubeClient> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      const kube = connection();
      const client = new KubeClient(kube);
      await client.core.readNamespace({ name: 'kube-system' });
      await kube.makeApiClient(RbacAuthorizationV1Api).readClusterRole({ name: 'cluster-admin' });
      return client;
    } catch (error) {
      if (server.exitCode === null && server.signalCode === null && performance.now() < deadline) {
        await delay(100);
        continue;
      }
      const tail = readFileSync(join(directory, 'kube-apiserver.log'), 'utf8').split('\n').slice(-15).join('\n');
      throw new Error(`kube-apiserver did not get ready; its log ends:\n${tail}`, { cause: error });
    }
  }
}

function run(directory: string, name: string, args: readonly string[]): ChildProcess {
  const log = openSync(join(directory, `${name}.log`), 'a');
  // Dies with this process, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', join(BIN, name), ...args], { stdio: ['ignore', log, log], cwd: directory });
  closeSync(log);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Tries until it is true; a failure says what was waited for. No measure of time: only an end of the wait. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await delay(25);
  }
}
