import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operations } from '../../../src/convoy/contract.ts';
import type { ErrorCode } from '../../../src/convoy/errors.ts';
import { CAPABILITIES } from '../../../src/csi/capabilities.ts';
import type { IdentityMethods } from '../../../src/csi/definitions.ts';
import type { Rpcs } from '../../../src/csi/rpc.ts';
import { statusOf } from '../../../src/csi/status.ts';

/** Compiled by `npm run check`: each line below must be an error of the compiler, or the check fails. */

// @ts-expect-error Probe is missing from the service table
export const missingRpc: Rpcs<IdentityMethods> = { GetPluginInfo: () => ({}), GetPluginCapabilities: () => ({}) };

// @ts-expect-error an answer with a field that the message does not have
export const wrongField: Rpcs<IdentityMethods>['GetPluginInfo'] = () => ({ vendor: 'x' });

type PluginCapabilities = Rpcs<IdentityMethods>['GetPluginCapabilities'];
// @ts-expect-error an enum value that does not exist, which would be sent as 0
export const wrongEnum: PluginCapabilities = () => ({ capabilities: [{ service: { type: 'CONTROLER' } }] });

test('every operation group and every error code has a row', () => {
  const groups: Record<keyof Operations, unknown> = CAPABILITIES;
  assert.ok(Object.keys(groups).length > 0);
  const codes: readonly ErrorCode[] = ['NotFound', 'StaleToken', 'Cancelled', 'Internal'];
  for (const code of codes) assert.ok(statusOf(code) > 0);
});
