import type { Edge, Rpc } from '../rpc.ts';

/** Never does I/O: a slow disk must not have the process restarted. Not ready is an answer, not an error (sidecars exit on errors). */
export const probe =
  ({ ready }: Pick<Edge, 'ready'>): Rpc<'Probe'> =>
  () => ({ ready: { value: ready().ready } });
