import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DaemonConfig } from '../../../src/config/config.ts';
import { loadDaemonConfig } from '../../../src/config/load.ts';

const KUBERNETES = `controller:
  kubernetes:
    namespace: storage
    service: agents
    serviceAccount: node
    identitySecret: identity
    certificateConfigMap: certificate
    goneNodesConfigMap: gone
    lease: controller
`;
const STATIC = `controller:
  agents: [{ node: a, address: '127.0.0.1:9809' }, { node: b, address: '[::1]:9810' }]
  certificateFile: /tls/controller.crt
  keyFile: /tls/controller.key
  agentCaFile: /tls/ca.crt
`;
const TOKEN = `agent:
  controllerCertificateFile: /etc/convoy/controller.crt
  tokenFile: /var/run/token
`;

describe('role sections', () => {
  it('are left alone by the other roles', async () => {
    const config = await load('all', KUBERNETES + TOKEN);
    assert.equal(config.agent, undefined);
    assert.equal(config.controller, undefined);
  });

  it('give a node agent its listener, and the socket below the kubelet', async () => {
    const config = await load('node', `${TOKEN}kubelet: { directory: /var/lib/kubelet/ }\ndriverName: csi.example.org\n`);
    assert.deepEqual(config.agent, {
      listen: { host: '::', port: 9809 },
      controllerCertificateFile: '/etc/convoy/controller.crt',
      identity: { kind: 'token', tokenFile: '/var/run/token' },
    });
    assert.equal(config.kubeletDirectory, '/var/lib/kubelet');
    assert.equal(config.socketPath, '/var/lib/kubelet/plugins/csi.example.org/csi.sock');
  });

  it('give a controller its Kubernetes objects, or its static agents', async () => {
    assert.deepEqual((await load('controller', KUBERNETES)).controller, {
      kind: 'kubernetes',
      names: {
        namespace: 'storage',
        service: 'agents',
        serviceAccount: 'node',
        identitySecret: 'identity',
        certificateConfigMap: 'certificate',
        goneNodesConfigMap: 'gone',
        lease: 'controller',
      },
    });
    const { controller } = await load('controller', STATIC);
    assert.deepEqual(controller?.kind === 'files' ? controller.agents : [], [
      { node: 'a', host: '127.0.0.1', port: 9809 },
      { node: 'b', host: '::1', port: 9810 },
    ]);
  });

  const wrong: readonly (readonly [string, 'node' | 'controller', string, RegExp])[] = [
    ['a node without its section', 'node', '', /^agent is required with --role node/],
    ['a node without the certificate to trust', 'node', 'agent: { tokenFile: /t }\n', /^agent.controllerCertificateFile is required/],
    ['a node without an identity', 'node', 'agent: { controllerCertificateFile: /c }\n', /^agent.tokenFile is required/],
    ['a node with two identities', 'node', `${TOKEN}  keyFile: /k\n`, /^agent.tokenFile and agent.keyFile are both given/],
    [
      'a certificate without its key',
      'node',
      'agent: { controllerCertificateFile: /c, certificateFile: /s }\n',
      /^agent.keyFile is required/,
    ],
    [
      'a relative path',
      'node',
      'agent: { controllerCertificateFile: c, tokenFile: /t }\n',
      /^agent.controllerCertificateFile is "c"; allowed is an absolute path/,
    ],
    ['an agent without an address', 'node', `${TOKEN}  listen: ''\n`, /^agent.listen is ''/],
    [
      'a key that does not exist',
      'node',
      `${TOKEN}  tokenfile: /t\n`,
      /agent\.tokenfile: unknown key; allowed are listen, controllerCertificateFile/,
    ],
    ['a controller without its section', 'controller', '', /^controller is required with --role controller/],
    ['a controller without agents', 'controller', 'controller: { agents: [] }\n', /^controller.kubernetes is required/],
    [
      'a controller with both',
      'controller',
      `${KUBERNETES}  keyFile: /k\n`,
      /^controller.kubernetes and controller.keyFile are both given/,
    ],
    ['a node twice', 'controller', STATIC.replace('node: b', 'node: a'), /^controller.agents\[1\].node is "a", which stands twice/],
    ['an address without a host', 'controller', STATIC.replace('127.0.0.1:9809', ':9809'), /^controller.agents\[0\].address is ":9809"/],
    [
      'an object without a name',
      'controller',
      KUBERNETES.replace('lease: controller', "lease: ''"),
      /controller\.kubernetes\.lease is ""; allowed is the name of a Kubernetes object/,
    ],
    ['an object left out', 'controller', KUBERNETES.replace('    lease: controller\n', ''), /controller\.kubernetes\.lease is required/],
  ];
  for (const [what, role, yaml, message] of wrong)
    it(`refuse ${what}`, async () => {
      await assert.rejects(load(role, yaml), (error: Error) => {
        assert.match(error.message.replace(/^config file \S+: /, ''), message);
        return true;
      });
    });
});

async function load(role: string, yaml: string): Promise<DaemonConfig> {
  const directory = mkdtempSync(join(tmpdir(), 'convoy-roles-'));
  try {
    const file = join(directory, 'config.yaml');
    writeFileSync(file, yaml);
    const vfs = { description: { options: { 'vfs.path': 'a directory' } } };
    return await loadDaemonConfig({
      flags: { role: [role], config: [file] },
      env: {},
      drivers: { names: () => ['vfs'], get: () => vfs },
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
