import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { unservedCalls } from '../../../src/channel/unserved-calls.ts';
import { csiDefinitions } from '../../../src/csi/definitions.ts';

const SOCKET = { remoteAddress: '192.0.2.1', remotePort: 4711, localPort: 9443 };
const SERVED = { ':path': '/csi.v1.Controller/CreateVolume', 'content-type': 'application/grpc' };

/** As Node publishes it; who subscribes is called at once. */
const begin = (headers: object, session: object = { socket: SOCKET }): void =>
  channel('http2.server.stream.start').publish({ stream: { session }, headers });

describe('calls that no service here has', () => {
  const scene = (holds = true) => {
    const seen: string[] = [];
    const refusals = { refuse: (...told: readonly unknown[]) => void seen.push(told.slice(0, 2).join(' ')) };
    const calls = unservedCalls([csiDefinitions.Controller], { holds: () => holds }, refusals);
    calls.watch();
    return { seen, [Symbol.dispose]: () => calls.close() };
  };

  test('are refused, by the address of the peer; others are let by', () => {
    using unserved = scene();
    begin(SERVED);
    assert.deepEqual(unserved.seen, []);
    begin({ ...SERVED, ':path': '/csi.v1.Controller/MadeUp' });
    begin({ ':method': 'CONNECT' });
    assert.deepEqual(unserved.seen, ['rpc_not_allowed 192.0.2.1', 'rpc_not_allowed 192.0.2.1']);
  });

  test('are nobody’s business here when they came to another server of the process', () => {
    using unserved = scene(false);
    begin({ ':path': '/registration/GetInfo' });
    assert.deepEqual(unserved.seen, []);
  });

  test('end nothing when their connection is lost at that moment', async () => {
    using unserved = scene();
    const gone = {
      get socket(): never {
        throw new Error('the socket is gone');
      },
    };
    const warned: Error[] = [];
    const warn = (warning: Error): void => void warned.push(warning);
    process.on('warning', warn);
    begin({ ':path': '/made.up/Rpc' }, gone);
    await turn();
    process.off('warning', warn);
    assert.deepEqual(unserved.seen, []);
    assert.match(String(warned[0]), /could not be logged: the socket is gone/);
  });
});
