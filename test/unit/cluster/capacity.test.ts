import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { UnreachableError } from '../../../src/channel/errors.ts';
import { Steady, stepOf } from '../../../src/cluster/steady.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { aCall, cut, type FakeNode, type Fleet, failureOf, GIB, MIB, segments, startFleet } from './fleet.ts';

const NAMES = ['a', 'b', 'c'];
const INT64_MAX = (1n << 63n) - 1n;

async function capacity(fleet: Fleet, node: string | null, parameters: Record<string, string> = {}) {
  const [accessibleTopology = null] = node === null ? [] : segments(node);
  return fleet.rpcs.GetCapacity({ volumeCapabilities: [], parameters, accessibleTopology }, aCall());
}
const available = async (fleet: Fleet, node: string | null, parameters?: Record<string, string>): Promise<bigint> =>
  BigInt(String((await capacity(fleet, node, parameters)).availableCapacity));

test('a segment is asked of its node alone', async () => {
  using fleet = await startFleet(NAMES);
  fleet.node('b').room = 4n * GIB;
  assert.deepEqual(await capacity(fleet, 'b'), {
    availableCapacity: String(4n * GIB),
    maximumVolumeSize: { value: String(4n * GIB) },
    minimumVolumeSize: { value: String(MIB) },
  });
  assert.deepEqual(
    fleet.nodes.map((node) => node.count('GetCapacity')),
    [0, 1, 0],
  );
});

test('without a segment, or with one of another key, all nodes count together, and the roomiest bounds a volume', async () => {
  using fleet = await startFleet(NAMES);
  fleet.nodes.forEach((node, index) => {
    node.room = BigInt(index + 1) * 4n * GIB;
  });
  assert.deepEqual(await capacity(fleet, null), {
    availableCapacity: String(24n * GIB),
    maximumVolumeSize: { value: String(12n * GIB) },
    minimumVolumeSize: { value: String(MIB) },
  });
  const zone = { segments: { 'example.org/zone': 'z' } };
  const answer = await fleet.rpcs.GetCapacity({ volumeCapabilities: [], parameters: {}, accessibleTopology: zone }, aCall());
  assert.equal(answer.availableCapacity, String(24n * GIB));
});

test('a node that is gone or lacks the pool has no room; one that is silent or not known may have', async () => {
  const lacking = (node: FakeNode | undefined): void => {
    if (node !== undefined) node.pools = [{ name: 'slow', driver: 'vfs', open: true, reason: '' }];
  };
  using fleet = await startFleet(NAMES, { prepare: ([a]) => lacking(a) });
  assert.equal(await available(fleet, 'a'), 0n);
  assert.equal(fleet.node('a').count('GetCapacity'), 0);
  await fleet.goneNodes.add({ nodeName: 'b', since: 0 });
  assert.equal(await available(fleet, 'b'), 0n);
  await cut(fleet, fleet.node('c'));
  assert.equal((await failureOf(capacity(fleet, 'c'))).code, 'Unavailable');
  assert.equal((await failureOf(capacity(fleet, 'x'))).code, 'Unavailable');
});

test('the sum names every node that does not say', async () => {
  using fleet = await startFleet(NAMES);
  await cut(fleet, fleet.node('a'));
  fleet.node('b').fail('GetCapacity', new ConvoyError('Unavailable', 'pool fast is not open'));
  const { code, message } = await failureOf(capacity(fleet, null));
  assert.equal(code, 'Unavailable');
  assert.match(message, /2 do not say: .*node a /);
  assert.match(message, /node b: pool fast is not open/);
  await fleet.goneNodes.add({ nodeName: 'a', since: 0 });
  delete fleet.node('b').handlers.GetCapacity;
  assert.equal(await available(fleet, null), 20n * GIB);
});

test('pools that cannot know their room do not add up to more than a number holds', async () => {
  using fleet = await startFleet(NAMES);
  for (const node of fleet.nodes) node.room = INT64_MAX;
  assert.equal(await available(fleet, null), INT64_MAX);
  assert.equal(await available(fleet, 'a'), INT64_MAX);
});

test('a class is checked before any node is asked', async () => {
  using fleet = await startFleet(NAMES);
  const { code, message } = await failureOf(capacity(fleet, 'a', { pool: 'nvme' }));
  assert.equal(code, 'InvalidArgument');
  assert.match(message, /configured are fast, slow/);
  const request = { volumeCapabilities: [{ accessMode: null }], parameters: {}, accessibleTopology: null };
  assert.equal((await failureOf(fleet.rpcs.GetCapacity(request, aCall()))).code, 'InvalidArgument');
  assert.deepEqual(
    fleet.nodes.flatMap((node) => node.forwards()),
    [],
  );
});

test('an answer without sizes of a volume has none either', async () => {
  using fleet = await startFleet(NAMES);
  for (const node of fleet.nodes)
    node.handlers.GetCapacity = () => ({ availableCapacity: '0', maximumVolumeSize: null, minimumVolumeSize: null });
  assert.deepEqual(await capacity(fleet, null), { availableCapacity: '0' });
});

test('a lost answer of one node is Unavailable', async () => {
  using fleet = await startFleet(NAMES);
  fleet.node('a').fail('GetCapacity', new UnreachableError('not answered'));
  assert.equal((await failureOf(capacity(fleet, 'a'))).code, 'Unavailable');
});

test('the answer of one segment does not stand for another', async () => {
  using fleet = await startFleet(NAMES);
  fleet.node('a').room = 8n * GIB + 300n * MIB;
  fleet.node('b').room = 8n * GIB + 301n * MIB;
  assert.equal(await available(fleet, 'a'), 8n * GIB + 256n * MIB);
  fleet.node('a').room = 8n * GIB + 190n * MIB;
  assert.equal(await available(fleet, 'b'), 8n * GIB + 256n * MIB);
  assert.equal(await available(fleet, 'a'), 8n * GIB + 128n * MIB);
});

describe('steady numbers', () => {
  const bytes = fc.bigInt({ min: 0n, max: INT64_MAX });

  test('are never more than there is, and little less', () => {
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 30 }), (values) => {
        const steady = new Steady();
        for (const value of values) {
          const answer = steady.answer('q', value);
          assert.ok(answer >= 0n && answer <= value);
          assert.ok(value - answer < 2n * stepOf(value), `${value} is answered as ${answer}`);
        }
      }),
    );
  });

  test('have steps of about 1/128, never below 1 MiB', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const step = stepOf(value);
        assert.equal(step & (step - 1n), 0n);
        assert.ok(step === MIB || (step * 128n <= value && step * 256n > value));
      }),
    );
    assert.equal(stepOf(0n), MIB);
  });

  test('do not move for what is written and deleted at the edge of a step', () => {
    const steady = new Steady();
    const step = stepOf(100n * GIB);
    const first = steady.answer('q', 100n * GIB);
    assert.equal(first, 100n * GIB);
    const lower = steady.answer('q', 100n * GIB - 1n);
    assert.equal(lower, 100n * GIB - step);
    for (let turn = 0; turn < 10; turn++) {
      assert.equal(steady.answer('q', 100n * GIB), lower);
      assert.equal(steady.answer('q', 100n * GIB - 1n), lower);
    }
    assert.equal(steady.answer('q', 100n * GIB + step), 100n * GIB + step);
  });

  test('the largest number stays what it is', () => {
    const steady = new Steady();
    steady.answer('q', INT64_MAX - 5n);
    assert.equal(steady.answer('q', INT64_MAX), INT64_MAX);
  });
});
