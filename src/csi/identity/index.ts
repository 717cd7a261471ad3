import type { IdentityMethods } from '../definitions.ts';
import type { Edge, Rpcs } from '../rpc.ts';
import { getPluginCapabilities } from './get-plugin-capabilities.ts';
import { getPluginInfo } from './get-plugin-info.ts';
import { probe } from './probe.ts';

export const identityRpcs = (edge: Pick<Edge, 'driverName' | 'version' | 'advertised' | 'ready'>): Rpcs<IdentityMethods> => ({
  GetPluginInfo: getPluginInfo(edge),
  GetPluginCapabilities: getPluginCapabilities(edge),
  Probe: probe(edge),
});
