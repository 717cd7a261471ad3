import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_SERVICE_ADDRESS, API_URL, MACHINE_ADDRESS, RUN } from './paths.ts';
import { run } from './shell.ts';

const DIRECTORY = join(RUN, 'pki');

export const PKI = {
  ca: join(DIRECTORY, 'ca.crt'),
  apiServer: join(DIRECTORY, 'apiserver.crt'),
  apiServerKey: join(DIRECTORY, 'apiserver.key'),
  /** What the API server shows to kubelets. */
  kubeletClient: join(DIRECTORY, 'kubelet-client.crt'),
  kubeletClientKey: join(DIRECTORY, 'kubelet-client.key'),
  serviceAccountKey: join(DIRECTORY, 'service-account.key'),
  tokens: join(DIRECTORY, 'tokens.csv'),
};
const CA_KEY = join(DIRECTORY, 'ca.key');
const NEW_CERTIFICATE = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'] as const;

/** One CA for the whole cluster, as kubeadm's. */
export async function makeCertificates(): Promise<void> {
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
  await run('openssl', [
    ...NEW_CERTIFICATE,
    '-subj',
    '/CN=convoy-rig-ca',
    '-addext',
    'keyUsage=critical,keyCertSign,digitalSignature',
    '-keyout',
    CA_KEY,
    '-out',
    PKI.ca,
  ]);
  const names = ['DNS:kubernetes', 'DNS:kubernetes.default', 'DNS:kubernetes.default.svc', 'DNS:kubernetes.default.svc.cluster.local'];
  const addresses = [API_SERVICE_ADDRESS, MACHINE_ADDRESS, '127.0.0.1'].map((address) => `IP:${address}`);
  await sign('apiserver', '/CN=kube-apiserver', ['extendedKeyUsage=serverAuth', `subjectAltName=${[...names, ...addresses].join(',')}`]);
  await sign('kubelet-client', '/O=system:masters/CN=kube-apiserver-kubelet-client', ['extendedKeyUsage=clientAuth']);
  // Not genpkey: Kubernetes reads no PKCS#8 here.
  await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', PKI.serviceAccountKey]);
}

/** The API server's static token file: one line a user. */
export function writeTokens(users: readonly { readonly token: string; readonly user: string; readonly group?: string }[]): void {
  writeFileSync(PKI.tokens, users.map(({ token, user, group = '' }) => `${token},${user},${user},"${group}"\n`).join(''), { mode: 0o600 });
}

export const newToken = (): string => randomBytes(16).toString('hex');

/** JSON is YAML; the CA is inside, so that the file works from anywhere on this machine. */
export function writeKubeconfig(path: string, token: string, ca: Buffer): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'convoy-rig',
    clusters: [{ name: 'convoy-rig', cluster: { server: API_URL, 'certificate-authority-data': ca.toString('base64') } }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'convoy-rig', context: { cluster: 'convoy-rig', user: 'user' } }],
  };
  writeFileSync(path, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
}

async function sign(name: string, subject: string, extensions: readonly string[]): Promise<void> {
  await run('openssl', [
    ...NEW_CERTIFICATE,
    '-CA',
    PKI.ca,
    '-CAkey',
    CA_KEY,
    '-subj',
    subject,
    ...['basicConstraints=critical,CA:FALSE', ...extensions].flatMap((extension) => ['-addext', extension]),
    '-keyout',
    join(DIRECTORY, `${name}.key`),
    '-out',
    join(DIRECTORY, `${name}.crt`),
  ]);
}
