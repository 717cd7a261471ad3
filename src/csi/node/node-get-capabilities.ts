import type { Edge, Rpc } from '../rpc.ts';

export const nodeGetCapabilities =
  ({ advertised }: Pick<Edge, 'advertised'>): Rpc<'NodeGetCapabilities'> =>
  () => ({ capabilities: advertised.node.map((type) => ({ rpc: { type } })) });
