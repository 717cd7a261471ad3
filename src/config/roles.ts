import { isAbsolute, normalize } from 'node:path';
import { invalid } from '../convoy/errors.ts';
import type { AgentConfig, ControllerConfig, KubeNames, Role, StaticAgent } from './config.ts';
import { type ListenAddress, parseListenAddress } from './endpoint.ts';
import type { ConfigFile } from './schema.ts';

/** The sections that single roles have. InvalidArgument names the key. */

type AgentFile = NonNullable<ConfigFile['agent']>;
type ControllerFile = NonNullable<ConfigFile['controller']>;

export function parseKubelet(file: ConfigFile): string | undefined {
  return file.kubelet === undefined ? undefined : path('kubelet.directory', file.kubelet.directory);
}

/** Of role `node`; undefined for the others. */
export function parseAgent(role: Role, file: ConfigFile): AgentConfig | undefined {
  if (role !== 'node') return undefined;
  const agent = file.agent;
  if (agent === undefined)
    throw invalid(
      'agent is required with --role node: at least agent.controllerCertificateFile, and tokenFile or certificateFile and keyFile',
    );
  return {
    listen: address('agent.listen', agent.listen ?? ':9809'),
    controllerCertificateFile: required('agent.controllerCertificateFile', agent.controllerCertificateFile),
    identity: agentIdentity(agent),
  };
}

/** Of role `controller`; undefined for the others. */
export function parseController(role: Role, file: ConfigFile): ControllerConfig | undefined {
  if (role !== 'controller') return undefined;
  const controller = file.controller;
  if (controller === undefined) throw invalid('controller is required with --role controller: controller.kubernetes, or controller.agents');
  if (controller.kubernetes !== undefined) {
    refuseBeside('controller.kubernetes', controller, ['agents', 'certificateFile', 'keyFile', 'agentCaFile']);
    return { kind: 'kubernetes', names: controller.kubernetes satisfies KubeNames };
  }
  return {
    kind: 'files',
    agents: staticAgents(controller),
    certificateFile: required('controller.certificateFile', controller.certificateFile),
    keyFile: required('controller.keyFile', controller.keyFile),
    agentCaFile: required('controller.agentCaFile', controller.agentCaFile),
  };
}

function agentIdentity(agent: AgentFile): AgentConfig['identity'] {
  if (agent.tokenFile !== undefined) {
    refuseBeside('agent.tokenFile', agent, ['certificateFile', 'keyFile']);
    return { kind: 'token', tokenFile: path('agent.tokenFile', agent.tokenFile) };
  }
  if (agent.certificateFile === undefined && agent.keyFile === undefined)
    throw invalid('agent.tokenFile is required (in Kubernetes), or agent.certificateFile and agent.keyFile (elsewhere)');
  return {
    kind: 'files',
    certificateFile: required('agent.certificateFile', agent.certificateFile),
    keyFile: required('agent.keyFile', agent.keyFile),
  };
}

function staticAgents({ agents }: ControllerFile): readonly StaticAgent[] {
  if (agents === undefined || agents.length === 0)
    throw invalid('controller.kubernetes is required (in Kubernetes), or controller.agents with at least one agent (elsewhere)');
  const names = new Set<string>();
  return agents.map(({ node, address: text }, index) => {
    if (names.has(node)) throw invalid(`controller.agents[${index}].node is ${JSON.stringify(node)}, which stands twice`);
    names.add(node);
    const found = parseListenAddress(`controller.agents[${index}].address`, text);
    if (found === undefined || found.port === 0 || text.startsWith(':'))
      throw invalid(`controller.agents[${index}].address is ${JSON.stringify(text)}; allowed are HOST:PORT, such as 192.0.2.7:9809`);
    return { node, ...found };
  });
}

function refuseBeside<T extends object>(key: string, section: T, others: readonly (keyof T & string)[]): void {
  const found = others.find((other) => section[other] !== undefined);
  if (found !== undefined) throw invalid(`${key} and ${key.split('.')[0]}.${found} are both given: choose one`);
}

function required(key: string, value: string | undefined): string {
  if (value === undefined) throw invalid(`${key} is required; allowed is an absolute path`);
  return path(key, value);
}

function path(key: string, value: string): string {
  if (!isAbsolute(value) || value.includes('\0')) throw invalid(`${key} is ${JSON.stringify(value)}; allowed is an absolute path`);
  return normalize(value).replace(/(?<=.)\/$/, '');
}

function address(key: string, text: string): ListenAddress {
  const found = parseListenAddress(key, text);
  if (found === undefined) throw invalid(`${key} is ''; allowed are HOST:PORT, such as :9809`);
  return found;
}
