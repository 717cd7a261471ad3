import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type AgentUseCases, agentRpcs } from '../../../src/channel/agent-rpcs.ts';
import { openTrustedFile } from '../../../src/channel/trust.ts';
import { ConvoyError, isConvoyError } from '../../../src/convoy/errors.ts';
import type { PoolStatus, Volume } from '../../../src/pool/api.ts';
import { aPool, aVolume } from '../csi/edge.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-agent-rpcs-'));
after(() => rmSync(folder, { recursive: true }));

const rpcsOf = ({ tokenFile, ...pools }: Partial<AgentUseCases['pools']> & { tokenFile?: string }) =>
  agentRpcs({
    pools: {
      nodeName: 'node-1',
      states: () => [],
      findVolume: async () => undefined,
      listVolumes: async () => assert.fail(),
      ...pools,
    },
    version: '1.2.3',
    tokenFile,
    admit: async () => {},
  });
const two: readonly PoolStatus[] = [aPool('fast', 'device'), aPool('slow', 'directory')];

describe('the agent', () => {
  test('finds a volume although another pool is closed', async () => {
    const findVolume = async (_name: string, pool?: string): Promise<Volume | undefined> => {
      if (pool === 'fast') throw new ConvoyError('Unavailable', 'not open');
      return aVolume({ pool: 'slow' });
    };
    assert.deepEqual(await rpcsOf({ states: () => two, findVolume }).FindVolume({ name: 'a' }), {
      found: true,
      volumeId: aVolume().id,
      closedPools: [],
    });
  });

  test('does not take a failure for an absence', async () => {
    const findVolume = async (): Promise<never> => Promise.reject(new ConvoyError('DataLoss', 'damaged'));
    await assert.rejects(rpcsOf({ states: () => two, findVolume }).FindVolume({ name: 'a' }), (error) => isConvoyError(error, 'DataLoss'));
  });

  test('lists what is on its node alone', async () => {
    const { node: _node, ...everywhere } = aVolume({ name: 'b' });
    const listVolumes = async () => ({ entries: [aVolume(), everywhere], nextToken: 'next' });
    const page = await rpcsOf({ listVolumes }).ListInventory({ maxEntries: 0, startingToken: '' });
    assert.deepEqual(page, {
      volumes: [{ volumeId: aVolume().id, name: 'a', pool: 'fast', sizeBytes: String(1 << 30), createdAt: { seconds: '0', nanos: 0 } }],
      nextToken: 'next',
    });
  });

  test('says why a pool is closed', async () => {
    const closed = { ...aPool('slow', 'directory'), state: { kind: 'unavailable', reason: 'mount its disk' } } as PoolStatus;
    const { pools } = await rpcsOf({ states: () => [aPool('fast', 'device'), closed] }).Describe({});
    assert.deepEqual(
      pools?.map(({ name, open, reason }) => ({ name, open, reason })),
      [
        { name: 'fast', open: true, reason: '' },
        { name: 'slow', open: false, reason: 'mount its disk' },
      ],
    );
  });

  test('reads its token for each Attest, and has none outside Kubernetes', async () => {
    const tokenFile = join(folder, 'token');
    const { Attest } = rpcsOf({ tokenFile });
    await assert.rejects(Attest({}), /cannot be read .*ENOENT.*mount a projected service-account token/);
    writeFileSync(tokenFile, 'one\n');
    assert.deepEqual(await Attest({}), { token: 'one', nodeName: 'node-1' });
    writeFileSync(tokenFile, 'two\n');
    assert.deepEqual(await Attest({}), { token: 'two', nodeName: 'node-1' });
    assert.deepEqual(await rpcsOf({}).Attest({}), { token: '', nodeName: 'node-1' });
  });
});

describe('the file of trusted certificates', () => {
  test('that is not there, or damaged, trusts nobody and says so', async () => {
    const path = join(folder, 'controller.crt');
    const trusted = openTrustedFile(path);
    assert.deepEqual(await trusted.current(), []);
    assert.match(trusted.problems().join(), /no controller is let in: .*controller\.crt cannot be read: ENOENT/);
    writeFileSync(path, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const nobody = await trusted.current();
    assert.deepEqual(nobody, []);
    assert.match(trusted.problems().join(), /no controller is let in: certificate 1 of .*controller\.crt is damaged/);
    assert.equal(await trusted.current(), nobody);
  });
});
