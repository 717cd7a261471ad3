import type { Edge, Rpc } from '../rpc.ts';

export const getPluginInfo =
  ({ driverName, version }: Pick<Edge, 'driverName' | 'version'>): Rpc<'GetPluginInfo'> =>
  () => ({ name: driverName, vendorVersion: version });
