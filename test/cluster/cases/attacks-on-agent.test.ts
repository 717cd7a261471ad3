import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AgentAddress } from '../../../src/channel/api.ts';
import type { KeyPair } from '../../../src/channel/certificates.ts';
import { nodeKey } from '../../../src/convoy/ids.ts';
import { TestAuthority } from '../../support/test-authority.ts';
import { callAs, handshake, shownBy, shows, TLS_1_2 } from '../../system/channel/peers.ts';
import { keyPair } from '../../system/channel/rig.ts';
import { KUBERNETES_NAMESPACE, MACHINE_ADDRESS } from '../rig/paths.ts';
import { agentPod, controllerPod, convoy, storageClass } from './lib/driver.ts';
import { untilDriverReady } from './lib/driver-state.ts';
import type { Pod } from './lib/objects.ts';
import { isRefused, logOf } from './lib/refusals.ts';
import { CLASSES, Space } from './lib/space.ts';

/** Somebody who reaches an agent's port, from this machine: with what anybody can make, and with the controller's own key. */
const space = await Space.open('attacks-on-agent');
const { api } = space;
const node = space.cluster.nodes[1]?.name ?? assert.fail('a cluster of one node');
const SECRET = 'a-secret-that-nobody-may-log';
const directory = mkdtempSync(join(tmpdir(), 'convoy-attack-'));
let pod = '';
let address: AgentAddress;

before(async () => {
  pod = await agentPod(api, node);
  const { status } = await api.get<Pod>(`/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods/${pod}`);
  address = { nodeName: node, host: status?.podIP ?? assert.fail(`${pod} has no address`), port: 9809 };
});

after(async () => {
  rmSync(directory, { recursive: true });
  await space.close();
});

const refused = (reason: Parameters<typeof isRefused>[1]['reason'], attack: () => Promise<unknown>): ReturnType<typeof isRefused> =>
  isRefused(space, { pod, reason, peer: MACHINE_ADDRESS, attack });

test('without a certificate', async () => {
  await refused('no_certificate', () => handshake(address, {}));
});

test('with TLS 1.2', async () => {
  await refused('handshake', () => handshake(address, TLS_1_2));
});

test('with a certificate of another authority, and one made for a server', async () => {
  const other = new TestAuthority(directory).sign('controller', 'client');
  const ofAnother: KeyPair = { key: readFileSync(other.keyFile, 'utf8'), certificate: readFileSync(other.certificateFile, 'utf8') };
  for (const pair of [ofAnother, await keyPair('server'), await keyPair('client')]) {
    await refused('untrusted_certificate', () => handshake(address, shows(pair)));
    const answers = await callAs(address, pair, [['Attest', {}]], nodeKey(node));
    assert.equal(answers[0]?.code, 'UNAVAILABLE');
  }
});

test("with the controller's key: nothing before Attest, nothing off the list, nothing for another node", async () => {
  const stolen = await controllerKey();
  const key = nodeKey(node);
  const create = { name: 'attack', parameters: { pool: 'default' }, secrets: { password: SECRET } };
  const stage = { volumeId: 'default.0000000000000000.v00000000000000000000000000000000', secrets: { password: SECRET } };
  const early = await refused('not_attested', async () => {
    const answers = await callAs(
      address,
      stolen,
      [
        ['CreateVolume', create],
        ['NodeStageVolume', stage],
      ],
      key,
    );
    assert.deepEqual(
      answers.map(({ code }) => code),
      ['FAILED_PRECONDITION', 'FAILED_PRECONDITION'],
    );
    assert.match(answers[0]?.details ?? '', /CreateVolume came before Attest/);
  });
  assert.match(early.message, /before Attest/);
  await refused('rpc_not_allowed', async () => {
    const off = ['NodeStageVolume', 'NodeGetInfo', 'ControllerPublishVolume', 'GetPluginInfo'];
    const [attested, ...answers] = await callAs(address, stolen, [['Attest', {}], ...off.map((rpc) => [rpc, stage] as const)], key);
    assert.equal(attested?.code, 'OK');
    for (const [index, { code, details }] of answers.entries()) {
      assert.notEqual(code, 'OK');
      assert.match(details, new RegExp(`^${off[index]} is not served over the network`));
    }
  });
  await refused('rpc_not_allowed', async () => {
    const calls = [['Attest', {}] as const, ['/made.up.Service/Anything', {}] as const];
    const [, unknown] = await callAs(address, stolen, calls, key);
    assert.equal(unknown?.code, 'UNIMPLEMENTED');
  });
  await refused('wrong_node', () => callAs(address, stolen, [['Attest', {}]], nodeKey('node-17')));
  const log = await logOf(api, pod);
  for (const secret of [SECRET, 'PRIVATE KEY']) assert.ok(!log.includes(secret), `the agent's log holds ${secret}`);
});

test('an agent that was killed has another certificate, and the controller proves it anew and goes on', async () => {
  const here = `on-${node}`;
  await space.outside(CLASSES, storageClass(here, { pool: 'default' }, { nodes: [node] }));
  await space.claim('before', { storageClass: here });
  await space.bound('before');
  const own = await controllerKey();
  const certificate = await shownBy(address, own);
  await space.cluster.node(node).killContainer({ namespace: KUBERNETES_NAMESPACE, pod, container: 'convoy' });
  await space.until('another certificate', async () => {
    const shown = await shownBy(address, own);
    assert.notEqual(shown, '');
    assert.notEqual(shown, certificate);
  });
  await space.claim('after', { storageClass: here });
  await space.bound('after');
  const nodes = (await convoy(space, await controllerPod(api), 'node', 'list')) as readonly {
    readonly name: string;
    readonly state: string;
  }[];
  assert.equal(nodes.find(({ name }) => name === node)?.state, 'connected');
  await untilDriverReady(space);
});

/** As an admin of the cluster may read it. */
async function controllerKey(): Promise<KeyPair> {
  const path = `/api/v1/namespaces/${KUBERNETES_NAMESPACE}/secrets/convoy-csi-controller-identity`;
  const { data } = await api.get<{ readonly data: Readonly<Record<string, string>> }>(path);
  const text = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString('utf8');
  return { key: text('current.key'), certificate: text('current.crt') };
}
