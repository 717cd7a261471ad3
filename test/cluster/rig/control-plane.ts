import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newToken, PKI, writeKubeconfig, writeTokens } from './certificates.ts';
import { API_PORT, BIN, KUBECONFIG, MACHINE_ADDRESS, RUN, SERVICE_RANGE } from './paths.ts';
import { isAlive, logTail, type ProcessRecord, startDetached } from './processes.ts';
import { run, waitFor } from './shell.ts';
import { changeState, type NodeState } from './state.ts';

const ETCD_URL = 'http://127.0.0.1:22379';
const ETCD_PEER_URL = 'http://127.0.0.1:22380';
const ISSUER = 'https://kubernetes.default.svc';
const UNLIMITED = ['--kube-api-qps=200', '--kube-api-burst=400'];

/** etcd, the API server, the controllers and the scheduler, in the machine's own namespaces. Ready when it returns. */
export async function startControlPlane(nodes: readonly NodeState[]): Promise<void> {
  const kubeconfigs = writeUsers(nodes);
  await start('etcd', [
    `--data-dir=${join(RUN, 'etcd')}`,
    '--name=rig',
    // A cluster that is thrown away has nothing to lose.
    '--unsafe-no-fsync',
    `--listen-client-urls=${ETCD_URL}`,
    `--advertise-client-urls=${ETCD_URL}`,
    `--listen-peer-urls=${ETCD_PEER_URL}`,
    `--initial-advertise-peer-urls=${ETCD_PEER_URL}`,
    `--initial-cluster=rig=${ETCD_PEER_URL}`,
  ]);
  const apiServer = await start('kube-apiserver', apiServerFlags());
  await waitFor(
    'the API server',
    async () => {
      if (!isAlive(apiServer)) return true;
      await run(join(BIN, 'kubectl'), ['--kubeconfig', KUBECONFIG, 'get', '--raw', '/readyz'], { timeoutMs: 5000 });
      return true;
    },
    90_000,
  );
  if (!isAlive(apiServer)) throw new Error(`kube-apiserver ended:\n${logTail('kube-apiserver')}`);
  await start('kube-controller-manager', [
    `--kubeconfig=${kubeconfigs.controllers}`,
    '--use-service-account-credentials',
    `--service-account-private-key-file=${PKI.serviceAccountKey}`,
    `--root-ca-file=${PKI.ca}`,
    '--allocate-node-cidrs=false',
    // Its default is on the machine, and would be made there.
    `--flex-volume-plugin-dir=${join(RUN, 'flexvolumes')}`,
    '--leader-elect=false',
    '--secure-port=0',
    ...UNLIMITED,
  ]);
  await start('kube-scheduler', [`--kubeconfig=${kubeconfigs.scheduler}`, '--leader-elect=false', '--secure-port=0', ...UNLIMITED]);
}

export const nodeKubeconfig = ({ name }: Pick<NodeState, 'name'>): string => join(RUN, `${name}.kubeconfig`);

function writeUsers(nodes: readonly NodeState[]): { readonly controllers: string; readonly scheduler: string } {
  const ca = readFileSync(PKI.ca);
  const users = [
    { user: 'admin', group: 'system:masters', token: newToken(), kubeconfig: KUBECONFIG },
    { user: 'system:kube-controller-manager', token: newToken(), kubeconfig: join(RUN, 'controllers.kubeconfig') },
    { user: 'system:kube-scheduler', token: newToken(), kubeconfig: join(RUN, 'scheduler.kubeconfig') },
    ...nodes.map((node) => ({
      user: `system:node:${node.name}`,
      group: 'system:nodes',
      token: node.token,
      kubeconfig: nodeKubeconfig(node),
    })),
  ];
  writeTokens(users);
  for (const { kubeconfig, token } of users) writeKubeconfig(kubeconfig, token, ca);
  writeFileSync(join(RUN, 'resolv.conf'), '# nothing to ask in a test cluster\n');
  return { controllers: join(RUN, 'controllers.kubeconfig'), scheduler: join(RUN, 'scheduler.kubeconfig') };
}

function apiServerFlags(): readonly string[] {
  return [
    `--etcd-servers=${ETCD_URL}`,
    `--bind-address=${MACHINE_ADDRESS}`,
    `--advertise-address=${MACHINE_ADDRESS}`,
    `--secure-port=${API_PORT}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--tls-cert-file=${PKI.apiServer}`,
    `--tls-private-key-file=${PKI.apiServerKey}`,
    `--client-ca-file=${PKI.ca}`,
    `--token-auth-file=${PKI.tokens}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--service-account-issuer=${ISSUER}`,
    `--api-audiences=${ISSUER}`,
    `--service-account-key-file=${PKI.serviceAccountKey}`,
    `--service-account-signing-key-file=${PKI.serviceAccountKey}`,
    `--kubelet-client-certificate=${PKI.kubeletClient}`,
    `--kubelet-client-key=${PKI.kubeletClientKey}`,
    '--kubelet-preferred-address-types=InternalIP',
  ];
}

/** Recorded the moment it runs, so that a tear-down from elsewhere finds it. */
async function start(name: string, flags: readonly string[]): Promise<ProcessRecord> {
  const record = await startDetached(name, join(BIN, name), flags);
  changeState((state) => ({ ...state, processes: [...state.processes, record] }));
  return record;
}
