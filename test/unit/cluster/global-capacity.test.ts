import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { withGlobal } from './fake-global.ts';
import { aCall, aPool, cut, type Fleet, failureOf, GIB, MIB, segments } from './fleet.ts';

const NAMES = ['a', 'b', 'c'];
const ZONE = 'topology.kubernetes.io/zone';
const INT64_MAX = (1n << 63n) - 1n;
const forwards = (fleet: Fleet): unknown[] => fleet.nodes.flatMap((node) => node.forwards());
const capacity = (fleet: Fleet, term: Record<string, string> | null, pool?: string) =>
  fleet.rpcs.GetCapacity(
    {
      volumeCapabilities: [],
      parameters: pool === undefined ? {} : { pool },
      accessibleTopology: term === null ? null : { segments: term },
    },
    aCall(),
  );
const available = async (fleet: Fleet, term: Record<string, string> | null, pool?: string): Promise<bigint> =>
  BigInt(String((await capacity(fleet, term, pool)).availableCapacity));
const onNode = (name: string): Record<string, string> => segments(name)[0]?.segments ?? {};
const ALL = [aPool('fast'), aPool('cloud', false, 'global')];

test('the room of a global pool is the same from everywhere, also from a node that is gone or not known', async () => {
  using fleet = await withGlobal();
  await fleet.goneNodes.add({ nodeName: 'a', since: 0 });
  fleet.global.room = INT64_MAX;
  for (const term of [onNode('a'), onNode('b'), onNode('x'), null]) assert.equal(await available(fleet, term, 'cloud'), INT64_MAX);
  assert.deepEqual(forwards(fleet), []);
});

test('the room of a global pool does not differ between nodes by what was written in between', async () => {
  using fleet = await withGlobal();
  fleet.global.room = 8n * GIB + 300n * MIB;
  assert.equal(await available(fleet, onNode('a'), 'cloud'), 8n * GIB + 256n * MIB);
  fleet.global.room = 8n * GIB + 330n * MIB;
  assert.equal(await available(fleet, onNode('b'), 'cloud'), 8n * GIB + 256n * MIB);
});

test('the room of a zonal pool is its own to tell: 0 from another zone, and neither answer stands for the other', async () => {
  using fleet = await withGlobal(NAMES, [aPool('fast', true), aPool('cloud', false, 'global', { [ZONE]: 'a' })]);
  fleet.global.segments = { [ZONE]: 'a' };
  for (let turn = 0; turn < 2; turn++) {
    assert.equal(await available(fleet, { ...onNode('a'), [ZONE]: 'a' }, 'cloud'), 10n * GIB);
    assert.equal(await available(fleet, { ...onNode('b'), [ZONE]: 'b' }, 'cloud'), 0n);
    assert.equal(await available(fleet, onNode('c'), 'cloud'), 10n * GIB);
  }
  const terms = fleet.global.requests('GetCapacity').map((request) => (request as { accessibleTopology: unknown }).accessibleTopology);
  assert.deepEqual(terms[1], { segments: { ...onNode('b'), [ZONE]: 'b' } });
});

test('the room of a zone of the past is not told again for the present one', async () => {
  using fleet = await withGlobal(NAMES, [aPool('fast', true), aPool('cloud', false, 'global', { [ZONE]: 'a' })]);
  fleet.global.segments = { [ZONE]: 'a' };
  fleet.global.room = 8n * GIB + 300n * MIB;
  const at = (zone: string): Promise<bigint> => available(fleet, { [ZONE]: zone }, 'cloud');
  assert.equal(await at('a'), 8n * GIB + 256n * MIB);
  fleet.global.segments = { [ZONE]: 'b' };
  fleet.global.room = 8n * GIB + 330n * MIB;
  assert.equal(await at('b'), 8n * GIB + 320n * MIB);
});

test('the room of all pools together has the global ones in it, on one node and on all', async () => {
  using fleet = await withGlobal(NAMES, ALL);
  fleet.global.room = 16n * GIB;
  assert.deepEqual(await capacity(fleet, onNode('b')), {
    availableCapacity: String(26n * GIB),
    maximumVolumeSize: { value: String(16n * GIB) },
    minimumVolumeSize: { value: String(MIB) },
  });
  assert.equal(await available(fleet, null), 46n * GIB);
  assert.equal(await available(fleet, null, 'fast'), 30n * GIB);
  fleet.global.room = INT64_MAX;
  assert.equal(await available(fleet, null), INT64_MAX);
});

test('the room of global pools alone asks no node, since none has another', async () => {
  using fleet = await withGlobal(NAMES, [aPool('cloud', false, 'global'), aPool('san', false, 'global')]);
  for (const node of fleet.nodes) await cut(fleet, node);
  assert.equal(await available(fleet, null), 10n * GIB);
});

test('the room of all pools is Unavailable while a global pool does not say', async () => {
  using fleet = await withGlobal(NAMES, ALL);
  fleet.global.fail('GetCapacity', new ConvoyError('Unavailable', 'pool cloud is unavailable'));
  for (const pool of [undefined, 'cloud'])
    assert.deepEqual(await failureOf(capacity(fleet, null, pool)), { code: 'Unavailable', message: 'pool cloud is unavailable' });
});

test('the room of a hostile place is answered', async () => {
  using fleet = await withGlobal(NAMES, [aPool('cloud', false, 'global', JSON.parse('{"__proto__":"a","constructor":"b"}'))]);
  assert.equal(await available(fleet, JSON.parse('{"__proto__":"x","toString":"y"}'), 'cloud'), 10n * GIB);
});
