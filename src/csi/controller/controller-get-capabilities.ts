import type { Edge, Rpc } from '../rpc.ts';

export const controllerGetCapabilities =
  ({ advertised }: Pick<Edge, 'advertised'>): Rpc<'ControllerGetCapabilities'> =>
  () => ({ capabilities: advertised.controller.map((type) => ({ rpc: { type } })) });
