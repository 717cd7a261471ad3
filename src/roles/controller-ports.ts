import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Attestor, ClientIdentity } from '../channel/api.ts';
import { makeCertificate } from '../channel/certificates.ts';
import { fileClientIdentity } from '../channel/key-files.ts';
import { readCertificates, whyNotNow } from '../channel/pem.ts';
import type { ClusterView, Discovery, GoneNodes } from '../cluster/api.ts';
import { openGoneNodesFile } from '../cluster/gone-nodes-file.ts';
import { staticDiscovery } from '../cluster/static.ts';
import type { DaemonConfig, KubeNames } from '../config/config.ts';
import { readKubeEnvironment } from '../config/environment.ts';
import { isConvoyError } from '../convoy/errors.ts';
import type { Log } from '../observe/log.ts';
import { openSystem } from '../system/open-system.ts';
import { claimRoot } from './root.ts';

/** Where the controller learns of agents, how they are proven, and who keeps the admin's word. */
export interface ControllerPorts {
  readonly discovery: Discovery;
  /** Undefined outside Kubernetes, where certificates prove the nodes. */
  readonly attestor: Attestor | undefined;
  readonly identity: ClientIdentity;
  readonly goneNodes: GoneNodes;
  readonly view: ClusterView | undefined;
  /** Completes "no agent of node … is known: ". */
  readonly whereToLook: string;
  /** Resolves when this is the one controller. */
  takeOver(signal: AbortSignal): Promise<void>;
  /** Aborts when another one may have taken over: the process must end. */
  readonly lost: AbortSignal | undefined;
  /** Reasons against being ready. */
  problems(): readonly string[] | Promise<readonly string[]>;
}

/** Of the kind that the configuration names. What closes them is put on `made`. */
export async function openPorts(config: DaemonConfig, log: Log, made: AsyncDisposableStack): Promise<ControllerPorts> {
  const { controller } = config;
  if (controller?.kind === 'kubernetes') return kubernetesPorts(config.driverName, controller.names, log, made);
  if (controller === undefined) throw new Error('role controller without its section');
  const { agents, certificateFile, keyFile, agentCaFile } = controller;
  const system = made.adopt(openSystem(), (open) => open.close());
  // Two controllers of one root would each keep an admin's word of their own.
  made.adopt(await claimRoot(config.root, system), (lock) => lock.release());
  const identity = fileClientIdentity({ certificateFile, keyFile, agentCaFile });
  return {
    discovery: staticDiscovery(agents),
    attestor: undefined,
    identity,
    goneNodes: await openGoneNodesFile(join(config.root, 'gone-nodes.json'), (path, text) => system.files.writeDurable(path, text)),
    view: undefined,
    whereToLook: 'controller.agents of the config file lists them',
    takeOver: async () => {},
    lost: undefined,
    problems: () => fileProblems(identity, { certificateFile, agentCaFile }),
  };
}

/** Why no agent can be reached with these files, which are read for each connection anyway. */
async function fileProblems(
  identity: ClientIdentity,
  { certificateFile, agentCaFile }: { readonly certificateFile: string; readonly agentCaFile: string },
): Promise<readonly string[]> {
  try {
    const { certificate, agentAuthority = '' } = await identity.current();
    const now = Date.now();
    const [own] = readCertificates(certificateFile, certificate).map((each) => whyNotNow(each, now));
    const authorities = readCertificates(agentCaFile, agentAuthority).map((each) => whyNotNow(each, now));
    return [
      ...(own === undefined ? [] : [`the certificate in ${certificateFile} ${own}`]),
      ...(authorities.includes(undefined) ? [] : authorities.map((reason) => `the certificate in ${agentCaFile} ${reason}`)),
    ];
  } catch (error) {
    if (!isConvoyError(error)) throw error;
    return [error.message];
  }
}

/** The client library is loaded here and nowhere else. */
async function kubernetesPorts(driverName: string, names: KubeNames, log: Log, made: AsyncDisposableStack): Promise<ControllerPorts> {
  const { openKube } = await import('../kube/index.ts');
  const kube = await openKube({ driverName, ...names }, { log, environment: readKubeEnvironment(), holder: hostname(), makeCertificate });
  made.defer(() => kube.close());
  return {
    ...kube,
    whereToLook: `is its pod running? (kubectl -n ${names.namespace} get pods -o wide)`,
    takeOver: (signal) => kube.takeOver(signal),
    problems: () => kube.problems(),
  };
}
