import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Endpoint, V1EndpointConditions, V1EndpointSlice } from '@kubernetes/client-node/dist/api.js';
import { agentsOf } from '../../../src/kube/endpoint-slices.ts';
import { recordingLog } from '../../kube/recording-log.ts';

const slice = (endpoints: V1Endpoint[], rest: Partial<V1EndpointSlice> = {}): V1EndpointSlice => ({
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
  conditions: V1EndpointConditions = { ready: true, serving: true },
): V1Endpoint => ({
  addresses: [address],
  nodeName,
  targetRef: { kind: 'Pod', uid },
  conditions,
});
const hosts = (...slices: readonly V1EndpointSlice[]): readonly string[] =>
  agentsOf(slices, recordingLog()).map(({ nodeName, host }) => `${nodeName}=${host}`);

/** An empty list is null in the JSON of some servers, whatever the type says. */
const none = null as unknown as [];

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
    const incomplete: V1Endpoint[] = [
      noNode,
      { ...whole, nodeName: '' },
      { ...whole, targetRef: { kind: 'Node', uid: '1' } },
      { ...whole, targetRef: {} },
      { ...whole, addresses: [] },
    ];
    assert.deepEqual(hosts(slice(incomplete)), []);
    assert.deepEqual(
      hosts(slice([whole], { ports: [{ name: 'http', port: 1 }] }), slice([whole], { ports: none }), slice([], { endpoints: none })),
      [],
    );
    assert.deepEqual(hosts(slice([endpoint('example.org', 'a', '1')], { addressType: 'FQDN' })), []);
  });
});
