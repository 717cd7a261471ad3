import type { Edge, Rpc } from '../rpc.ts';

export const getPluginCapabilities =
  ({ advertised }: Pick<Edge, 'advertised'>): Rpc<'GetPluginCapabilities'> =>
  () => ({
    capabilities: [
      ...advertised.plugin.map((type) => ({ service: { type } })),
      ...(advertised.expandsOnline ? [{ volumeExpansion: { type: 'ONLINE' as const } }] : []),
    ],
  });
