import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agentsOf } from '../../../src/kube/endpoint-slices.ts';
import type { Endpoint, EndpointSlice } from '../../../src/kube/objects.ts';
import { recordingLog } from '../../kube/recording-log.ts';

const slice = (endpoints: readonly Endpoint[], rest: Partial<EndpointSlice> = {}): EndpointSlice => ({
  metadata: { name: 's' },
  addressType: 'IPv4',
  ports: [{ name: 'agent', port: 9809 }],
  endpoints,
  ...rest,
});
const endpoint = (
  address: string,
  nodeName: string,
  uid: string,
  conditions: Endpoint['conditions'] = { ready: true, serving: true },
): Endpoint => ({
  addresses: [address],
  nodeName,
  targetRef: { kind: 'Pod', uid },
  conditions,
});
const hosts = (...slices: readonly EndpointSlice[]): readonly string[] =>
  agentsOf(slices, recordingLog()).map(({ nodeName, host }) => `${nodeName}=${host}`);

describe('the agents that EndpointSlices tell of', () => {
  it('are ordered by node, whatever slices they come in', () => {
    const [b, a] = [slice([endpoint('192.0.2.2', 'b', '2')]), slice([endpoint('192.0.2.1', 'a', '1')])];
    assert.deepEqual(hosts(b, a), ['a=192.0.2.1', 'b=192.0.2.2']);
    assert.deepEqual(hosts(a, b), ['a=192.0.2.1', 'b=192.0.2.2']);
  });

  it('are one each with addresses of two families', () => {
    const six = slice([endpoint('2001:db8::1', 'a', '1'), endpoint('2001:db8::2', 'b', '2')], { addressType: 'IPv6' });
    const four = slice([endpoint('192.0.2.1', 'a', '1')]);
    assert.deepEqual(hosts(six, four), ['a=192.0.2.1', 'b=2001:db8::2']);
    assert.deepEqual(hosts(four, six), ['a=192.0.2.1', 'b=2001:db8::2']);
  });

  it('are the pod that stays while one is replaced, then the one that serves', () => {
    const leaving = endpoint('192.0.2.1', 'a', '1', { ready: false, serving: true, terminating: true });
    const coming = endpoint('192.0.2.9', 'a', '9', { ready: false, serving: false, terminating: false });
    const serving = endpoint('192.0.2.5', 'a', '5');
    assert.deepEqual(hosts(slice([leaving, coming])), ['a=192.0.2.9']);
    assert.deepEqual(hosts(slice([coming]), slice([serving])), ['a=192.0.2.5']);
    assert.deepEqual(hosts(slice([leaving])), ['a=192.0.2.1'], 'ready or not, it is known');
  });

  it('say nothing of readiness when Kubernetes does not', () => {
    const [silent, old] = [endpoint('192.0.2.1', 'a', '1', {}), endpoint('192.0.2.2', 'b', '2', { ready: false })];
    assert.deepEqual(
      agentsOf([slice([silent, old])], recordingLog()).map(({ serving }) => serving),
      [undefined, false],
    );
  });

  it('are none where a node, a pod, a port or an address is missing', () => {
    const whole = endpoint('192.0.2.1', 'a', '1');
    const { nodeName: _, ...noNode } = whole;
    const incomplete: readonly Endpoint[] = [
      noNode,
      { ...whole, nodeName: '' },
      { ...whole, targetRef: { kind: 'Node', uid: '1' } },
      { ...whole, targetRef: {} },
      { ...whole, addresses: [] },
    ];
    assert.deepEqual(hosts(slice(incomplete)), []);
    assert.deepEqual(
      hosts(slice([whole], { ports: [{ name: 'http', port: 1 }] }), slice([whole], { ports: null }), slice([], { endpoints: null })),
      [],
    );
    assert.deepEqual(hosts(slice([endpoint('example.org', 'a', '1')], { addressType: 'FQDN' })), []);
  });
});
