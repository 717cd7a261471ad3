import assert from 'node:assert/strict';
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { ClusterRig, type RigProcess, until } from '../support/cluster-rig.ts';
import type { KeyPairFiles } from '../support/test-authority.ts';
import { create, failsWith, nodeOf, termOf } from './requests.ts';

/** Certificates and configurations as a person gets them wrong: each is told where a person looks, and mended without a restart. */
const READY = { status: 200, text: 'ok\n' };

interface Fault {
  readonly node: string;
  readonly what: string;
  /** Spoils what the node has. */
  readonly make: (rig: ClusterRig, files: KeyPairFiles) => void;
  /** What /readyz of the node says. */
  readonly says: (files: KeyPairFiles) => RegExp;
}
const FAULTS: readonly Fault[] = [
  {
    node: 'missing',
    what: 'a certificate that is not there',
    make: (_, { certificateFile }) => rmSync(certificateFile),
    says: ({ certificateFile }) => new RegExp(`${RegExp.escape(certificateFile)} cannot be read: .*ENOENT`),
  },
  {
    node: 'empty',
    what: 'a certificate file without one',
    make: (_, { certificateFile }) => writeFileSync(certificateFile, '\n'),
    says: ({ certificateFile }) => new RegExp(`${RegExp.escape(certificateFile)} holds no certificate`),
  },
  {
    node: 'expired',
    what: 'a certificate that has expired',
    make: (rig) => void rig.authority.sign('expired', 'server', { days: -1 }),
    says: ({ certificateFile }) => new RegExp(`the certificate in ${RegExp.escape(certificateFile)} .*expired`),
  },
  {
    node: 'unkeyed',
    what: 'the key of another certificate',
    make: (rig, { keyFile }) => copyFileSync(rig.authority.sign('stranger', 'server').keyFile, keyFile),
    says: ({ certificateFile, keyFile }) =>
      new RegExp(`the key in ${RegExp.escape(keyFile)} is not that of the certificate in ${RegExp.escape(certificateFile)}`),
  },
  {
    node: 'misnamed',
    what: 'the certificate of another node',
    make: (rig) => void rig.authority.sign('somebody-else', 'server', { file: 'misnamed' }),
    says: ({ certificateFile }) =>
      new RegExp(`the certificate in ${RegExp.escape(certificateFile)} does not name this node: .*DNS:misnamed`),
  },
  {
    node: 'client',
    what: 'a certificate for a client',
    make: (rig) => void rig.authority.sign('client', 'client'),
    says: ({ certificateFile }) => new RegExp(`the certificate in ${RegExp.escape(certificateFile)} is not made for a TLS server`),
  },
];

void suite('a node with bad certificates', () => {
  let rig: ClusterRig;
  const filesOf = (node: string): KeyPairFiles => rig.authority.filesOf(node);
  before(async () => {
    rig = new ClusterRig({ nodes: ['good', ...FAULTS.map(({ node }) => node)] });
    for (const { node, make } of FAULTS) make(rig, filesOf(node));
    await Promise.all([...rig.nodes.values(), rig.controller].map((each) => each.start()));
  });
  after(async () => await rig.end());

  for (const { node, what, says } of FAULTS)
    test(`${what}: is not ready and says so, and the controller does not use it`, async () => {
      const { status, text } = await rig.node(node).get('/readyz');
      assert.equal(status, 503);
      assert.match(text, says(filesOf(node)));
      assert.equal((await rig.node(node).get('/healthz')).status, 200, 'a restart would not help');
      await rig.node(node).csi.call('NodeGetInfo', {}); // the kubelet is served all the same
      await failsWith(rig.csi.call('GetCapacity', { accessibleTopology: termOf(node) }), 'UNAVAILABLE', `node ${node}`);
    });

  test('leaves the other nodes alone', async () => {
    assert.deepEqual(await rig.node('good').get('/readyz'), READY);
    assert.deepEqual(await rig.controller.get('/readyz'), READY);
    assert.equal(nodeOf(await create(rig, 'all the same', { on: ['good'] })), 'good');
  });

  test('is used once the files are mended, without a restart of anything', async () => {
    for (const { node } of FAULTS) rig.authority.sign(node, 'server');
    for (const { node } of FAULTS) await untilReady(rig.node(node));
    await rig.untilWhole();
    for (const { node } of FAULTS) assert.equal(nodeOf(await create(rig, `on ${node}`, { on: [node] })), node);
  });

  test('of the controller: lets nobody in while it is not there', async () => {
    const { caFile } = rig.authority;
    renameSync(caFile, `${caFile}.away`);
    await until('a node that is not ready', async () => {
      const { status, text } = await rig.node('good').get('/readyz');
      if (status === 200) return undefined;
      assert.match(text, new RegExp(`no controller is let in: ${RegExp.escape(caFile)} cannot be read`));
      return true;
    });
    renameSync(`${caFile}.away`, caFile);
    await untilReady(rig.node('good'));
    await rig.untilWhole();
  });
});

void suite('a controller', () => {
  let rig: ClusterRig;
  before(() => {
    rig = new ClusterRig({ nodes: ['alpha', 'beta'] });
  });
  after(async () => await rig.end());

  test('whose agents cannot be reached stays up, and says of each why', async () => {
    await rig.controller.start();
    assert.deepEqual(await rig.controller.get('/readyz'), READY);
    await failsWith(rig.csi.call('ListVolumes', {}), 'UNAVAILABLE', /node (alpha|beta)/);
    const message = await failsWith(rig.csi.call('GetCapacity', {}), 'UNAVAILABLE', 'node alpha', 'node beta');
    assert.match(message, /ECONNREFUSED/);
    assert.match((await rig.controller.get('/metrics')).text, /^convoy_agents\{state="unreachable"\} 2$/m);
    await Promise.all([...rig.nodes.values()].map((each) => each.start()));
    await rig.untilWhole();
  });

  test('whose certificate has expired, or is missing, says so, and works once it is replaced', async () => {
    await rig.controller.stop();
    const { certificateFile } = rig.authority.sign('controller', 'client', { days: -1 });
    await rig.controller.start();
    await failsWith(rig.csi.call('ListVolumes', {}), 'UNAVAILABLE', /node (alpha|beta)/);
    const { status, text } = await rig.controller.get('/readyz');
    assert.equal(status, 503);
    assert.match(text, new RegExp(`the certificate in ${RegExp.escape(certificateFile)} .*expired`));
    rmSync(certificateFile);
    assert.match((await rig.controller.get('/readyz')).text, new RegExp(`${RegExp.escape(certificateFile)} cannot be read`));
    rig.authority.sign('controller', 'client');
    await rig.untilWhole();
    await untilReady(rig.controller);
  });

  test('of another authority is refused by name', async () => {
    await rig.controller.stop();
    const stranger = rig.authority.another('stranger').sign('controller', 'client');
    rig.controller.configure(({ controller, ...rest }) => ({ ...rest, controller: { ...(controller as object), ...stranger } }));
    await rig.controller.start();
    await failsWith(rig.csi.call('ListVolumes', {}), 'UNAVAILABLE', /node (alpha|beta)/, /does not trust/);
    const states = await rig.controller.json<{ state: string }[]>('node', 'list');
    assert.deepEqual(
      states.map(({ state }) => state),
      ['refused', 'refused'],
    );
    assert.match(rig.node('alpha').log, /"refusal":"untrusted_certificate"/);
  });
});

void suite('a configuration that no role can start with', () => {
  let rig: ClusterRig;
  before(() => {
    rig = new ClusterRig({ nodes: ['alpha'] });
  });
  after(async () => await rig.end());

  const refused = async (process: RigProcess, change: (config: Record<string, unknown>) => object, ...words: RegExp[]): Promise<void> => {
    process.configure(change);
    process.launch();
    assert.equal(await process.ended, 2, process.logTail());
    for (const word of words) assert.match(process.logTail(), word);
  };

  test('ends the process with the field and the way out', async () => {
    const agent = { listen: ':9809', controllerCertificateFile: '/tls/ca.crt', tokenFile: '/token', keyFile: '/tls/a.key' };
    await refused(rig.node('alpha'), (config) => ({ ...config, agent }), /agent\.tokenFile and agent\.keyFile are both given/);
    await refused(rig.node('alpha'), ({ agent: _, ...config }) => config, /agent is required with --role node/);
    await refused(rig.controller, ({ controller: _, ...config }) => config, /controller is required with --role controller/);
    await refused(rig.controller, (config) => ({ ...config, controller: { agents: [] } }), /controller\.agents with at least one agent/);
    assert.deepEqual(rig.node('alpha').left(), [], 'nothing was touched');
  });

  test('an address in use is named', async () => {
    const other = new ClusterRig({ nodes: ['alpha'] });
    try {
      await other.node('alpha').start();
      rig.node('alpha').configure((config) => ({
        ...config,
        agent: { listen: other.node('alpha').address, controllerCertificateFile: rig.authority.caFile, ...rig.authority.filesOf('alpha') },
      }));
      rig.node('alpha').launch();
      assert.equal(await rig.node('alpha').ended, 1);
      assert.match(
        rig.node('alpha').logTail(),
        new RegExp(`cannot listen for the controller on ${RegExp.escape(other.node('alpha').address)}: .*EADDRINUSE`),
      );
    } finally {
      await other.end();
    }
  });
});

async function untilReady(process: RigProcess): Promise<void> {
  await until(`${process.name} ready`, async () => ((await process.get('/readyz')).status === 200 ? true : undefined));
}
